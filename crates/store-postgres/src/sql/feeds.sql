SELECT f.feed, f.entries, f.bytes, o.stripe, o.position, o.body
FROM (
    SELECT feed, sum(stable - floor)::bigint AS entries, sum(bytes - trimmed_bytes)::bigint AS bytes
    FROM stripes WHERE stable > 0 GROUP BY feed
) AS f
LEFT JOIN LATERAL (
    SELECT e.stripe, e.position, e.body
    FROM stripes AS s
    CROSS JOIN LATERAL (
        SELECT n.stripe, n.position, n.moment, n.body FROM entries AS n
        WHERE n.feed = s.feed AND n.stripe = s.number AND n.position > s.floor
        ORDER BY n.position LIMIT 1
    ) AS e
    WHERE s.feed = f.feed
    ORDER BY e.moment, e.stripe LIMIT 1
) AS o ON true
ORDER BY f.feed

SELECT f.feed, f.entries, f.bytes, o.stripe, o.position, o.body
FROM (
    SELECT feed, sum(stable - floor)::bigint AS entries, sum(bytes - trimmed_bytes)::bigint AS bytes
    FROM stripes GROUP BY feed
) AS f
LEFT JOIN LATERAL (
    SELECT e.stripe, e.position, e.body FROM entries AS e WHERE e.feed = f.feed
    ORDER BY e.stripe, e.position LIMIT 1
) AS o ON true
ORDER BY f.feed

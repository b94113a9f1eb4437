SELECT coalesce(sum(s.stable), 0)::bigint AS appended, coalesce(min(s.number), 0) AS first
FROM unnest($1::text[]) WITH ORDINALITY AS f (feed, place)
LEFT JOIN stripes AS s ON s.feed = f.feed
GROUP BY f.place
ORDER BY f.place

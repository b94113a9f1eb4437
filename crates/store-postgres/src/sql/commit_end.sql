SELECT 0::bigint AS place, (SELECT count(*) FROM fence) AS version,
    0::bigint AS incarnation, 0::bigint AS sequence, true AS is_sound
UNION ALL
SELECT i.place, a.version, a.incarnation, a.sequence, a.is_sound
FROM input AS i
LEFT JOIN LATERAL (
    SELECT o.version, o.incarnation, o.sequence, md5(o.head) = o.sum AS is_sound
    FROM actors AS o WHERE o.type = i.type AND o.key = i.key
    LIMIT 1
) AS a ON true
WHERE i.place NOT IN (SELECT w.place FROM won AS w)

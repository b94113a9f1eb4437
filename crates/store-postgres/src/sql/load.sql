WITH input AS MATERIALIZED (
    SELECT i.place, a.*
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS i (type, key, place)
    CROSS JOIN LATERAL (
        SELECT o.type, o.key, o.version, o.incarnation, o.sequence, o.born, o.kinds, o.snapshot,
            o.kept_until_ms, o.head
        FROM actors AS o WHERE o.type = i.type AND o.key = i.key LIMIT 1
    ) AS a
)
SELECT i.place, 0::smallint AS kind, i.version AS seq, ''::bytea AS name, i.head AS body,
    i.incarnation, i.sequence
FROM input AS i
UNION ALL
SELECT i.place, 1::smallint, j.seq, ''::bytea, j.body, 0, 0
FROM input AS i
JOIN journal AS j ON j.type = i.type AND j.key = i.key
WHERE i.snapshot IS NOT NULL AND j.seq > i.snapshot AND j.version > i.born
UNION ALL
SELECT i.place, r.kind, r.seq, r.name, r.body, 0, 0
FROM input AS i
JOIN rows AS r ON r.type = i.type AND r.key = i.key
WHERE i.kinds & 26 <> 0 AND i.kept_until_ms IS NULL AND r.version > i.born
    AND (r.kind = 4 OR r.kind = 5 OR (r.kind = 2 AND i.snapshot > 0))
ORDER BY 1, 2, 3, 4

WITH actor AS MATERIALIZED (
    SELECT * FROM actors WHERE type = $1 AND key = $2
),
found AS (
    SELECT j.seq, j.body
    FROM actor AS a JOIN journal AS j ON j.type = a.type AND j.key = a.key
    WHERE a.snapshot IS NOT NULL AND j.seq > $3 AND j.version > a.born
    UNION ALL
    SELECT r.seq, r.body
    FROM actor AS a JOIN rows AS r ON r.type = a.type AND r.key = a.key
    WHERE a.snapshot IS NULL AND r.kind = 3 AND r.seq > $3 AND r.version > a.born
    ORDER BY 1
    LIMIT $4
),
summed AS (
    SELECT seq, body, sum(length(body)) OVER (ORDER BY seq) - length(body) AS bytes_before
    FROM found
)
SELECT 0::bigint AS seq, head AS body FROM actor
UNION ALL
SELECT seq, body FROM summed WHERE bytes_before < $5
ORDER BY 1

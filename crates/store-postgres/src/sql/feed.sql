WITH kept AS MATERIALIZED (
    SELECT * FROM stripes WHERE feed = $1
),
found AS (
    SELECT stripe, position, body
    FROM entries
    WHERE feed = $1 AND (stripe, position) > ($2, $3)
    ORDER BY stripe, position
    LIMIT $4
),
summed AS (
    SELECT stripe, position, body,
        sum(length(body)) OVER (ORDER BY stripe, position) - length(body) AS bytes_before
    FROM found
)
SELECT true AS is_stripe, number, 0::bigint AS position, ''::bytea AS body,
    incarnation, stable, floor, bytes, trimmed_bytes
FROM kept
UNION ALL
SELECT false, stripe, position, body, 0, 0, 0, 0, 0
FROM summed WHERE bytes_before < $5
ORDER BY 1 DESC, 2, 3

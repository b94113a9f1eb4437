SELECT type, key, 1::smallint AS kind, seq, ''::bytea AS name, version, body
FROM (
    SELECT type, key, seq, version, body,
        sum(length(body)) OVER (ORDER BY type, key, seq) - length(body) AS bytes_before
    FROM (
        SELECT type, key, seq, version, body
        FROM journal WHERE (type, key, seq) > ($1, $2, $3)
        ORDER BY type, key, seq LIMIT $4
    ) AS page
) AS summed
WHERE bytes_before < $5
ORDER BY type, key, seq

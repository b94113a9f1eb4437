SELECT type, key, kind, seq, name, version, body
FROM (
    SELECT type, key, kind, seq, name, version, body,
        sum(length(body)) OVER (ORDER BY type, key, kind, seq, name) - length(body) AS bytes_before
    FROM (
        SELECT type, key, kind, seq, name, version, body
        FROM rows WHERE (type, key, kind, seq, name) > ($1, $2, $3, $4, $5)
        ORDER BY type, key, kind, seq, name LIMIT $6
    ) AS page
) AS summed
WHERE bytes_before < $7
ORDER BY type, key, kind, seq, name

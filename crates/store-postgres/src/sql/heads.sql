SELECT key, version, incarnation, sequence, head
FROM (
    SELECT key, version, incarnation, sequence, head,
        sum(length(head)) OVER (ORDER BY key) - length(head) AS bytes_before
    FROM (
        SELECT key, version, incarnation, sequence, head
        FROM actors WHERE type = $1 AND key > $2
        ORDER BY key LIMIT $3
    ) AS page
) AS summed
WHERE bytes_before < $4
ORDER BY key

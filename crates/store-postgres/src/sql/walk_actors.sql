SELECT type, key, version, incarnation, sequence, head, born
FROM (
    SELECT type, key, version, incarnation, sequence, head, born,
        sum(length(head)) OVER (ORDER BY type, key) - length(head) AS bytes_before
    FROM (
        SELECT type, key, version, incarnation, sequence, head, born
        FROM actors WHERE (type, key) > ($1, $2)
        ORDER BY type, key LIMIT $3
    ) AS page
) AS summed
WHERE bytes_before < $4
ORDER BY type, key

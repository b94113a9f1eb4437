SELECT r.due_ms, r.type, r.key, r.name
FROM rows AS r
JOIN actors AS a ON a.type = r.type AND a.key = r.key
WHERE r.due_ms IS NOT NULL AND r.due_ms <= $1 AND r.version > a.born
    AND ($2 OR (r.due_ms, r.type, r.key, r.name) > ($3, $4, $5, $6))
ORDER BY r.due_ms, r.type, r.key, r.name
LIMIT $7

WITH RECURSIVE names AS (
    (SELECT type FROM actors ORDER BY type LIMIT 1)
    UNION ALL
    SELECT (SELECT a.type FROM actors AS a WHERE a.type > n.type ORDER BY a.type LIMIT 1)
    FROM names AS n WHERE n.type IS NOT NULL
)
SELECT type FROM names WHERE type IS NOT NULL

WITH kept AS MATERIALIZED (
    SELECT s.*,
        EXISTS (SELECT 1 FROM fences AS f WHERE f.incarnation = s.incarnation) AS is_open,
        least(s.stable, greatest(s.floor, coalesce(
            a.position, CASE WHEN s.number < $4::bigint THEN s.stable ELSE 0 END
        ))) AS after
    FROM stripes AS s
    LEFT JOIN unnest($2::bigint[], $3::bigint[]) AS a (stripe, position) ON a.stripe = s.number
    WHERE s.feed = $1
),
-- What is to be read of each stripe: from which moment, and until which.
parts AS MATERIALIZED (
    SELECT k.number, k.after, k.stable, k.moment AS last, e.moment AS first
    FROM kept AS k
    LEFT JOIN LATERAL (
        SELECT o.moment FROM entries AS o
        WHERE o.feed = $1 AND o.stripe = k.number AND o.position = k.after + 1 LIMIT 1
    ) AS e ON true
    WHERE k.after < k.stable
),
-- Those before whose first entry there are not enough others to fill the page.
near AS MATERIALIZED (
    SELECT p.* FROM parts AS p
    WHERE $5::bigint > (
        SELECT coalesce(sum(o.stable - o.after), 0) FROM parts AS o
        WHERE (o.last, o.number) < (p.first, p.number)
    )
),
found AS (
    SELECT e.stripe, e.position, e.moment, e.body
    FROM near AS p
    CROSS JOIN LATERAL (
        SELECT o.stripe, o.position, o.moment, o.body FROM entries AS o
        WHERE o.feed = $1 AND o.stripe = p.number
            AND o.position > p.after AND o.position <= p.stable
        ORDER BY o.position LIMIT $5::bigint
    ) AS e
    ORDER BY e.moment, e.stripe, e.position LIMIT $5::bigint
),
summed AS (
    SELECT stripe, position, body,
        row_number() OVER (ORDER BY moment, stripe, position) AS n,
        sum(length(body)) OVER (ORDER BY moment, stripe, position) - length(body) AS bytes_before
    FROM found
),
-- No entry is of a stripe that is not there.
ends AS (
    (SELECT stripe FROM entries WHERE feed = $1 ORDER BY stripe, position LIMIT 1)
    UNION ALL
    (SELECT stripe FROM entries WHERE feed = $1 ORDER BY stripe DESC, position DESC LIMIT 1)
)
SELECT 0 AS kind, k.number AS n, k.number AS stripe, 0::bigint AS position, ''::bytea AS body,
    k.incarnation, k.stable, k.floor, k.bytes, k.trimmed_bytes, k.is_open,
    NOT EXISTS (SELECT 1 FROM parts AS p WHERE p.number = k.number AND p.first IS NULL) AS is_whole
FROM kept AS k
UNION ALL
SELECT 1, stripe, stripe, 0, ''::bytea, 0, 0, 0, 0, 0, false, true FROM ends
UNION ALL
SELECT 2, n, stripe, position, body, 0, 0, 0, 0, 0, false, true
FROM summed WHERE bytes_before < $6::bigint
ORDER BY 1, 2

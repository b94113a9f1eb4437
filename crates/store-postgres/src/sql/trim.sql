WITH total AS (
    SELECT coalesce(sum(bytes - trimmed_bytes), 0)::bigint AS bytes FROM stripes WHERE feed = $1
),
-- As a page is read, from the oldest entry of each stripe.
parts AS MATERIALIZED (
    SELECT s.number, s.floor, s.stable, s.moment AS last, e.moment AS first
    FROM stripes AS s
    LEFT JOIN LATERAL (
        SELECT o.moment FROM entries AS o
        WHERE o.feed = $1 AND o.stripe = s.number AND o.position > s.floor
        ORDER BY o.position LIMIT 1
    ) AS e ON true
    WHERE s.feed = $1 AND s.floor < s.stable
),
oldest AS (
    SELECT e.stripe, e.position, e.moment, e.at_ms, e.bytes
    FROM parts AS p
    CROSS JOIN LATERAL (
        SELECT o.stripe, o.position, o.moment, o.at_ms, length(o.body)::bigint AS bytes
        FROM entries AS o
        WHERE o.feed = $1 AND o.stripe = p.number AND o.position > p.floor
        ORDER BY o.position LIMIT $4::bigint + 1
    ) AS e
    WHERE $4::bigint >= (
        SELECT coalesce(sum(o.stable - o.floor), 0) FROM parts AS o
        WHERE (o.last, o.number) < (p.first, p.number)
    )
    ORDER BY e.moment, e.stripe, e.position LIMIT $4::bigint + 1
),
summed AS (
    SELECT o.*,
        row_number() OVER (ORDER BY moment, stripe, position) AS n,
        (sum(bytes) OVER (ORDER BY moment, stripe, position) - bytes)::bigint AS bytes_before
    FROM oldest AS o
),
judged AS (
    SELECT s.*,
        bool_and(s.at_ms < $2 OR t.bytes - s.bytes_before > $3)
            OVER (ORDER BY s.moment, s.stripe, s.position) AS goes
    FROM summed AS s CROSS JOIN total AS t
),
gone AS (
    DELETE FROM entries AS e USING judged AS j
    WHERE j.goes AND j.n <= $4::bigint
        AND e.feed = $1 AND e.stripe = j.stripe AND e.position = j.position
    RETURNING e.stripe, e.position, length(e.body)::bigint AS bytes
),
counted AS (
    SELECT stripe, max(position) AS floor, count(*) AS entries, sum(bytes)::bigint AS bytes
    FROM gone GROUP BY stripe
),
moved AS (
    UPDATE stripes AS s SET
        floor = greatest(s.floor, c.floor), trimmed_bytes = s.trimmed_bytes + c.bytes
    FROM counted AS c
    WHERE s.feed = $1 AND s.number = c.stripe
    RETURNING 1
)
SELECT coalesce(sum(entries), 0)::bigint AS entries, coalesce(sum(bytes), 0)::bigint AS bytes,
    EXISTS (SELECT 1 FROM judged WHERE goes AND n > $4::bigint) AS has_more
FROM counted

, appended AS (
    SELECT
        e.feed, w.written_at_ms, e.body,
        row_number() OVER (PARTITION BY e.feed ORDER BY e.at) AS n
    FROM unnest($19::integer[], $20::text[], $21::bytea[]) WITH ORDINALITY
        AS e (place, feed, body, at)
    JOIN won AS w ON w.place = e.place
),
counted AS (
    SELECT a.feed, count(*) AS entries, sum(length(a.body)) AS bytes
    FROM appended AS a GROUP BY a.feed
),
grown AS (
    -- The stripe is there: a lane opens it before. The moment is above that of everything that was
    -- durable when the statement began.
    INSERT INTO stripes AS s (
        feed, number, incarnation, stable, floor, bytes, trimmed_bytes, moment
    )
    SELECT
        c.feed, 1 + coalesce(k.number, 0), $1, c.entries, 0, c.bytes, 0, 1 + coalesce(k.moment, 0)
    FROM counted AS c
    CROSS JOIN LATERAL (
        SELECT max(o.number) AS number, max(o.moment) AS moment
        FROM stripes AS o WHERE o.feed = c.feed
    ) AS k
    ON CONFLICT (feed, incarnation) DO UPDATE SET
        stable = s.stable + EXCLUDED.stable, bytes = s.bytes + EXCLUDED.bytes,
        moment = greatest(s.moment, EXCLUDED.moment)
    RETURNING s.feed, s.number, s.stable, s.moment
),
written AS (
    INSERT INTO entries (feed, stripe, position, at_ms, moment, body)
    SELECT a.feed, g.number, g.stable - c.entries + a.n, a.written_at_ms, g.moment, a.body
    FROM appended AS a
    JOIN counted AS c ON c.feed = a.feed
    JOIN grown AS g ON g.feed = a.feed
)

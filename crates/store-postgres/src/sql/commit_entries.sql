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
    INSERT INTO stripes AS s (feed, number, incarnation, stable, floor, bytes, trimmed_bytes)
    SELECT
        c.feed,
        1 + coalesce((SELECT max(o.number) FROM stripes AS o WHERE o.feed = c.feed), 0),
        $1, c.entries, 0, c.bytes, 0
    FROM counted AS c
    ON CONFLICT (feed, incarnation) DO UPDATE SET
        stable = s.stable + EXCLUDED.stable, bytes = s.bytes + EXCLUDED.bytes
    RETURNING s.feed, s.number, s.stable
),
written AS (
    INSERT INTO entries (feed, stripe, position, at_ms, body)
    SELECT a.feed, g.number, g.stable - c.entries + a.n, a.written_at_ms, a.body
    FROM appended AS a
    JOIN counted AS c ON c.feed = a.feed
    JOIN grown AS g ON g.feed = a.feed
)

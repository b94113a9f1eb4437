WITH fence AS MATERIALIZED (
    SELECT 1 AS stands FROM fences WHERE incarnation = $1 AND lane = $2 FOR SHARE
),
input AS MATERIALIZED (
    SELECT *
    FROM unnest(
        $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
        $9::bigint[], $10::bigint[], $11::integer[], $12::bytea[]
    ) WITH ORDINALITY AS i (
        type, key, previous, version, sequence, at_ms, snapshot, until_ms, kinds, head, place
    )
),
made AS (
    INSERT INTO actors (
        type, key, version, incarnation, sequence, written_at_ms, place,
        born, kinds, snapshot, kept_until_ms, dying, head, sum
    )
    SELECT
        i.type, i.key, i.version, $1, i.sequence, i.at_ms, i.place::integer,
        CASE WHEN i.until_ms IS NULL THEN 0 ELSE i.version END,
        i.kinds, i.snapshot, i.until_ms, false, i.head, md5(i.head)
    FROM input AS i
    WHERE i.previous = 0 AND EXISTS (SELECT 1 FROM fence)
    ON CONFLICT (type, key) DO NOTHING
    RETURNING place, type, key, version, written_at_ms
),
changed AS (
    UPDATE actors AS a SET
        version = i.version,
        incarnation = $1,
        sequence = i.sequence,
        written_at_ms = i.at_ms,
        born = CASE WHEN i.until_ms IS NULL THEN a.born ELSE i.version END,
        kinds = CASE WHEN i.until_ms IS NULL THEN a.kinds | i.kinds ELSE 0 END,
        snapshot = i.snapshot,
        kept_until_ms = i.until_ms,
        dying = a.dying OR (i.until_ms IS NOT NULL AND a.kinds <> 0),
        head = i.head,
        sum = md5(i.head)
    FROM input AS i
    WHERE i.previous <> 0 AND EXISTS (SELECT 1 FROM fence)
        AND a.type = i.type AND a.key = i.key
        AND a.version = i.previous AND md5(a.head) = a.sum
    RETURNING i.place::integer AS place, a.type, a.key, a.version, a.written_at_ms
),
won AS (
    SELECT * FROM made UNION ALL SELECT * FROM changed
)

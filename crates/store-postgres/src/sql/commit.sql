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
won AS (
    INSERT INTO actors (
        type, key, version, incarnation, sequence, written_at_ms, previous, place,
        born, kinds, snapshot, kept_until_ms, dying, head, sum
    )
    SELECT
        i.type, i.key, i.version, $1, i.sequence, i.at_ms, i.previous, i.place::integer,
        CASE WHEN i.until_ms IS NULL THEN 0 ELSE i.version END,
        i.kinds, i.snapshot, i.until_ms, false, i.head, md5(i.head)
    FROM input AS i
    WHERE EXISTS (SELECT 1 FROM fence)
        AND (
            i.previous = 0
            OR EXISTS (
                -- The version too: a row that is removed while this runs is inserted anew.
                SELECT 1 FROM actors AS a
                WHERE a.type = i.type AND a.key = i.key AND a.version = i.previous
            )
        )
    ON CONFLICT (type, key) DO UPDATE SET
        version = EXCLUDED.version,
        incarnation = EXCLUDED.incarnation,
        sequence = EXCLUDED.sequence,
        written_at_ms = EXCLUDED.written_at_ms,
        previous = EXCLUDED.previous,
        place = EXCLUDED.place,
        born = CASE WHEN EXCLUDED.kept_until_ms IS NULL THEN actors.born ELSE EXCLUDED.version END,
        kinds = CASE WHEN EXCLUDED.kept_until_ms IS NULL THEN actors.kinds | EXCLUDED.kinds ELSE 0 END,
        snapshot = EXCLUDED.snapshot,
        kept_until_ms = EXCLUDED.kept_until_ms,
        dying = actors.dying OR (EXCLUDED.kept_until_ms IS NOT NULL AND actors.kinds <> 0),
        head = EXCLUDED.head,
        sum = EXCLUDED.sum
    WHERE actors.version = EXCLUDED.previous AND md5(actors.head) = actors.sum
    RETURNING place, type, key, version, written_at_ms
)

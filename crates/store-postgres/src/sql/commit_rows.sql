, row_changes AS (
    SELECT w.type, w.key, w.version, w.written_at_ms, c.kind, c.seq, c.name, c.due_ms, c.body
    FROM unnest(
        $13::integer[], $14::smallint[], $15::bigint[], $16::bytea[], $17::bigint[], $18::bytea[]
    ) AS c (place, kind, seq, name, due_ms, body)
    JOIN won AS w ON w.place = c.place
),
removed AS (
    DELETE FROM rows AS r USING row_changes AS c
    WHERE c.body IS NULL AND c.kind <> 1
        AND r.type = c.type AND r.key = c.key
        AND r.kind = c.kind AND r.seq = c.seq AND r.name = c.name
),
unlogged AS (
    DELETE FROM journal AS j USING row_changes AS c
    WHERE c.body IS NULL AND c.kind = 1
        AND j.type = c.type AND j.key = c.key AND j.seq = c.seq
),
put AS (
    INSERT INTO rows (type, key, kind, seq, name, version, due_ms, body)
    SELECT c.type, c.key, c.kind, c.seq, c.name, c.version, c.due_ms, c.body
    FROM row_changes AS c
    WHERE c.body IS NOT NULL AND c.kind <> 1
    ON CONFLICT (type, key, kind, seq, name) DO UPDATE SET
        version = EXCLUDED.version, due_ms = EXCLUDED.due_ms, body = EXCLUDED.body
),
logged AS (
    INSERT INTO journal (type, key, seq, version, written_at_ms, body)
    SELECT c.type, c.key, c.seq, c.version, c.written_at_ms, c.body
    FROM row_changes AS c
    WHERE c.body IS NOT NULL AND c.kind = 1
    ON CONFLICT (type, key, seq) DO UPDATE SET
        version = EXCLUDED.version, written_at_ms = EXCLUDED.written_at_ms, body = EXCLUDED.body
)

-- Makes view $2 of view $1, whole or not at all: another change since, or a renewal of a row that it moves, divides by
-- zero. Whoever makes a view waits for the one before at the row of the view, so two never wait for each other.
WITH won AS (
    UPDATE view SET number = $2, cluster = $3::text, terms = $13::text
    WHERE number = $1 AND cluster IN ('', $3::text) AND terms IN ('', $13::text) RETURNING 1
), moved AS (
    UPDATE members AS m SET state = t.state, presumed = t.presumed
    FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::boolean[]) AS t (incarnation, beat, state, presumed)
    WHERE m.incarnation = t.incarnation AND m.beat = t.beat AND EXISTS (SELECT 1 FROM won)
    RETURNING 1
), forgotten AS (
    DELETE FROM members WHERE incarnation = ANY ($8::bigint[]) AND EXISTS (SELECT 1 FROM won) RETURNING 1
), joined AS (
    INSERT INTO members (incarnation, node, state, presumed, weight, address, beat, token)
    SELECT $2::bigint, $9::text, 'Joining', false, $10::smallint, $11::text, 0, $12::text WHERE $9::text IS NOT NULL AND EXISTS (SELECT 1 FROM won)
    RETURNING 1
)
SELECT 1 / CASE WHEN (SELECT count(*) FROM won) = 1
    AND (SELECT count(*) FROM moved) = cardinality($4::bigint[])
    AND (SELECT count(*) FROM forgotten) = cardinality($8::bigint[])
    AND (SELECT count(*) FROM joined) = CASE WHEN $9::text IS NULL THEN 0 ELSE 1 END
    THEN 1 ELSE 0 END

-- Renews the lease of $1 if its row is living and stands at beat $2, in cluster $4 with terms $5, at view $3 or later.
UPDATE members AS m SET beat = m.beat + 1 FROM view AS v
WHERE m.incarnation = $1 AND m.beat = $2 AND m.state IN ('Joining', 'Alive', 'Leaving')
    AND v.number >= $3 AND v.cluster = $4 AND v.terms = $5
RETURNING m.beat, v.number, TIMELINE

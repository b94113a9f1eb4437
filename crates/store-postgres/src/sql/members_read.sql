-- One look: the number of the view, and the rows that are asked for ($2), or all of them if it is above $1.
SELECT v.cluster, v.terms, v.number, s.incarnation AS highest, TIMELINE AS timeline,
    m.incarnation, m.node, m.state, m.presumed, m.weight, m.address, m.beat, m.token
FROM store AS s CROSS JOIN view AS v
LEFT JOIN members AS m ON v.number > $1::bigint OR m.incarnation = ANY ($2::bigint[])

//! The graph of imports and its circles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Files by index, with the imports between them.
#[derive(Default)]
pub(crate) struct Graph {
    /// From a file to what it imports, with the line of the first import.
    imports: BTreeMap<usize, BTreeMap<usize, usize>>,
}

/// A shortest circle of imports through `start`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    pub(crate) start: usize,
    /// The last step leads back to `start`.
    pub(crate) steps: Vec<Step>,
    /// How many files reach each other, those outside this circle included.
    pub(crate) knot_len: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) to: usize,
    pub(crate) line: usize,
}

impl Graph {
    /// Adds an import. An import of the file itself is none.
    pub(crate) fn add(&mut self, from: usize, to: usize, line: usize) {
        if from != to {
            let first = self.imports.entry(from).or_default().entry(to).or_insert(line);
            *first = line.min(*first);
        }
    }

    /// Returns one circle for each strongly connected component of two files or more.
    pub(crate) fn circles(&self) -> Vec<Circle> {
        let mut found = Vec::new();
        let mut reported = BTreeSet::new();
        for &start in self.imports.keys() {
            if reported.contains(&start) {
                continue;
            }
            let reached = self.reached_from(start);
            if !reached.contains_key(&start) {
                continue;
            }
            let knot: Vec<usize> = reached
                .keys()
                .copied()
                .filter(|file| self.reached_from(*file).contains_key(&start))
                .collect();
            found.push(Circle {
                start,
                steps: self.steps_back_to(start, &reached),
                knot_len: knot.len(),
            });
            reported.extend(knot);
        }
        found
    }

    /// Returns every file that `start` imports, in any number of steps, each with the file before it
    /// on a shortest way. `start` itself is among them when it lies on a circle.
    fn reached_from(&self, start: usize) -> BTreeMap<usize, usize> {
        let mut before = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(file) = open.pop_front() {
            for &next in self.imports.get(&file).into_iter().flat_map(BTreeMap::keys) {
                if let std::collections::btree_map::Entry::Vacant(entry) = before.entry(next) {
                    entry.insert(file);
                    open.push_back(next);
                }
            }
        }
        before
    }

    fn steps_back_to(&self, start: usize, before: &BTreeMap<usize, usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut to = start;
        loop {
            let from = before[&to];
            steps.push(Step { to, line: self.imports[&from][&to] });
            if from == start {
                break;
            }
            to = from;
        }
        steps.reverse();
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::{Circle, Graph, Step};

    fn graph(imports: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in imports {
            graph.add(*from, *to, 10 * from + to);
        }
        graph
    }

    #[test]
    fn a_graph_without_circles_has_none() {
        for imports in [&[][..], &[(1, 1)], &[(1, 2), (2, 3), (1, 3)]] {
            assert_eq!(graph(imports).circles(), [], "{imports:?}");
        }
    }

    #[test]
    fn each_knot_is_reported_once_by_its_shortest_circle() {
        let found = graph(&[(1, 2), (2, 3), (3, 1), (2, 1), (0, 1), (7, 8), (8, 7)]).circles();
        let steps = |pairs: &[(usize, usize)]| {
            pairs.iter().map(|(to, line)| Step { to: *to, line: *line }).collect::<Vec<_>>()
        };
        assert_eq!(
            found,
            [
                Circle { start: 1, steps: steps(&[(2, 12), (1, 21)]), knot_len: 3 },
                Circle { start: 7, steps: steps(&[(8, 78), (7, 87)]), knot_len: 2 },
            ]
        );
    }
}

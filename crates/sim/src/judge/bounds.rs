use std::collections::BTreeMap;

use tenure_types::{Incarnation, Instant};

use super::violation::{JudgeName, Record, Violations};

/// Sizes of queues, caches and directories never pass their named maxima. Keeps the peak of each name.
#[derive(Clone, Debug)]
pub struct Bounds {
    peaks: BTreeMap<&'static str, (u64, u64)>,
    found: Violations,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { peaks: BTreeMap::new(), found: Violations::new(JudgeName::Bounds) }
    }
}

impl Bounds {
    /// Something named `name`, of this node, has `size`, and must not have more than `max`.
    pub fn sampled(
        &mut self,
        name: &'static str,
        node: Incarnation,
        size: u64,
        max: u64,
        at: Instant,
    ) {
        let peak = self.peaks.entry(name).or_insert((size, max));
        *peak = (peak.0.max(size), max);
        if size > max {
            let what = format!("{name} is {size}, its maximum is {max}");
            self.found.add(None, what, Record::new(at, &(node, size)), None);
        }
    }

    /// The largest size that each name had, and its maximum.
    pub fn peaks(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        self.peaks.iter().map(|(&name, &(peak, max))| (name, peak, max))
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> &Violations {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::at;
    use super::*;

    #[test]
    fn a_size_above_its_maximum_is_found() {
        let mut bounds = Bounds::default();
        for (size, expected) in [(1, 0), (8, 0), (9, 1), (2, 1)] {
            bounds.sampled("mailbox", Incarnation(1), size, 8, at(size));
            bounds.sampled("loads", Incarnation(1), 0, 0, at(size));
            assert_eq!(bounds.found().count(), expected, "{size}");
        }
        assert_eq!(bounds.peaks().collect::<Vec<_>>(), [("loads", 0, 0), ("mailbox", 9, 8)]);
        assert_eq!(&*bounds.found().first()[0].what, "mailbox is 9, its maximum is 8");
    }
}

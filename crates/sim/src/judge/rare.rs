use std::collections::BTreeMap;
use std::fmt;

/// How often rare states were reached: a long run that never reached one has shown nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rare(BTreeMap<&'static str, u64>);

impl Rare {
    /// Counters for these states, all at zero.
    #[must_use]
    pub fn expecting(names: &[&'static str]) -> Self {
        Self(names.iter().map(|&name| (name, 0)).collect())
    }

    /// A state was reached. One that nobody expected is counted too.
    pub fn reached(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }

    /// How often a state was reached.
    #[must_use]
    pub fn times(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Adds the counts, and the expectations, of another run.
    pub fn add(&mut self, other: &Rare) {
        for (name, times) in &other.0 {
            *self.0.entry(name).or_default() += times;
        }
    }

    /// The states that were expected and not reached.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, times)| **times == 0).map(|(&name, _)| name)
    }

    /// Every state and how often it was reached, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(&name, &times)| (name, times))
    }
}

impl fmt::Display for Rare {
    /// A table, one state a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.keys().map(|name| name.len()).max().unwrap_or(0);
        for (name, times) in &self.0 {
            let mark = if *times == 0 { "  never" } else { "" };
            writeln!(f, "{name:width$}  {times:>10}{mark}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_reached_is_named() {
        let mut rare = Rare::expecting(&["resumed", "slot opened during a grant"]);
        rare.reached("resumed");
        rare.reached("fenced");
        let mut all = rare.clone();
        all.add(&rare);
        assert_eq!((all.times("resumed"), all.times("fenced"), all.times("else")), (2, 2, 0));
        assert_eq!(all.missing().collect::<Vec<_>>(), ["slot opened during a grant"]);
        let expected = "fenced                               2\n\
                        resumed                              2\n\
                        slot opened during a grant           0  never\n";
        assert_eq!(all.to_string(), expected);
    }
}

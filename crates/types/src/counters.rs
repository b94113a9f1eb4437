use std::fmt;

/// The largest version, offset and time that is stored: what a signed number of 64 bits holds, because
/// databases have no other.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// One run of a node, handed out durably by the store; a higher one supersedes a lower one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Incarnation(pub u64);

/// Counts the exclusive turns that changed an actor. Zero means "never stored".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub u64);

impl Version {
    /// The version of an actor that was never stored.
    pub const NONE: Version = Version(0);

    /// The version after one more changing turn.
    #[must_use]
    pub const fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

/// The number of one activation's right to an actor.
///
/// Grows across activations of one actor, crashes included: the view in which the right was
/// given (on a node alone: its incarnation), then a sequence kept in memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Tenure {
    /// The view the right was given in; on a node alone its incarnation.
    pub view: u64,
    /// Counts the rights given within that view, from 1.
    pub sequence: u64,
}

impl Tenure {
    /// A digest of this tenure: tenures that follow each other have different ones.
    #[must_use]
    pub const fn stamp(self) -> u32 {
        // Knuth's multiplier spreads views over the numbers, sequences go on from there.
        let mixed = self.view.wrapping_mul(2_654_435_761).wrapping_add(self.sequence);
        (mixed & 0xffff_ffff) as u32
    }
}

/// Names one submitted unit for ever: who submitted it and which one it was.
///
/// A store keeps the token of each actor's last unit, so that a unit whose outcome was lost can
/// be submitted again and recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Token {
    /// The incarnation that submitted the unit.
    pub incarnation: Incarnation,
    /// Counts the units of that incarnation, from 1.
    pub sequence: u64,
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.view, self.sequence)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation, self.sequence)
    }
}

//! What every system does in `remote`. The peers' program includes this file too.

/// How many actors are called, whichever system has them.
pub(crate) const ACTORS: usize = 1_000;
/// The argument of every call; what comes back is how many bytes the actor was given so far.
pub(crate) const ARGUMENT: &str = "100 bytes go there and eight come back, whichever system it is that carries them from here to there.";
const _: () = assert!(ARGUMENT.len() == 100);

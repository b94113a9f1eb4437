//! Names of actor types that this program does not have: those of a chain may be of a newer one.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tenure_types::ActorTypeName;

/// How many names of types a process keeps that are not its own. They are never forgotten, so that a
/// peer which makes them up is refused past that bound.
pub const FOREIGN_TYPES_MAX: usize = 1_024;

static FOREIGN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name for good.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn keep(name: &str) -> Result<ActorTypeName, String> {
    ActorTypeName::check(name).map_err(|error| error.to_string())?;
    let mut foreign = FOREIGN.lock();
    let kept = match foreign.get(name) {
        Some(kept) => kept,
        None if foreign.len() >= FOREIGN_TYPES_MAX => {
            return Err(format!(
                "its chain names the type `{name}`, and this process has met {FOREIGN_TYPES_MAX} types that \
                 are not its own"
            ));
        }
        None => {
            let kept: &'static str = Box::leak(Box::from(name));
            foreign.insert(kept);
            kept
        }
    };
    ActorTypeName::new(kept).map_err(|error| error.to_string())
}

//! Names of actor types, which live for ever in a program that has the types: a server has none of them.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tenure_protocol::codec::CodecError;
use tenure_types::ActorTypeName;

use super::broken;
use crate::bounds::TYPES_MAX;

static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name, kept for good the first time it comes.
pub(super) fn keep(name: &str) -> Result<ActorTypeName, CodecError> {
    ActorTypeName::check(name).map_err(|error| broken("actor type")(error.to_string()))?;
    let mut names = KEPT.lock();
    let kept = match names.get(name) {
        Some(kept) => *kept,
        None if names.len() >= TYPES_MAX => {
            let why = format!("this server has met {TYPES_MAX} others; start it anew");
            return Err(CodecError::Text { what: "actor type", why });
        }
        None => {
            let kept: &'static str = Box::leak(Box::from(name));
            names.insert(kept);
            kept
        }
    };
    ActorTypeName::new(kept).map_err(|error| broken("actor type")(error.to_string()))
}

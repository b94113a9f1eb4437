//! What a reply says of the state that it tells of.

use tenure_actor::{MethodInfo, Persist};

/// Whether state that a reply could have seen is stored when it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// All of it is.
    Durable,
    /// Some of it may still be on its way: a crash can take it back.
    Pending,
}

impl Durability {
    /// What holds for the replies of `method`; `None` where no state is ever stored.
    pub(crate) fn of(persist: Persist, method: &MethodInfo, is_asked_for: bool) -> Option<Self> {
        if !persist.is_stored() {
            return None;
        }
        let waits = persist.is_durable() || method.durable || is_asked_for;
        Some(if waits { Durability::Durable } else { Durability::Pending })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_reply_is_called_durable_only_where_it_waited() {
        let behind = Persist::WriteBehind { max_delay: Duration::from_millis(200) };
        let events = Persist::EventSourced { snapshot_every: NonZeroU32::MIN };
        let (yes, no) = (Some(Durability::Durable), Some(Durability::Pending));
        for (persist, plain, asked, of_durable_method) in [
            (Persist::WriteThrough, yes, yes, yes),
            (events, yes, yes, yes),
            (behind, no, yes, yes),
            (Persist::Volatile, None, None, None),
        ] {
            let of = |durable, is_asked_for| {
                let method =
                    MethodInfo { name: "add", exclusive: true, may_suspend: false, durable };
                Durability::of(persist, &method, is_asked_for)
            };
            assert_eq!(of(false, false), plain, "{persist:?}");
            assert_eq!(of(false, true), asked, "{persist:?}");
            assert_eq!(of(true, false), of_durable_method, "{persist:?}");
        }
    }
}

//! The last view that was stable for a while, and its majority.

use std::collections::BTreeSet;
use std::time::Duration;

use tenure_types::{Instant, NodeId};

use super::picture::Picture;

/// What was stable, and what may become so.
#[derive(Clone, Debug, Default)]
pub(super) struct Stable {
    /// The members that were the same, none suspected, for the time stated.
    last: Option<BTreeSet<NodeId>>,
    /// The members now and since when they are the same, while none is suspected.
    current: Option<(BTreeSet<NodeId>, Instant)>,
}

impl Stable {
    /// Only a picture without suspicion counts: a part that has lost the other half must not make itself the whole by waiting.
    pub(super) fn see(&mut self, picture: &Picture, now: Instant, stable_for: Duration) {
        if !picture.suspected.is_empty() {
            self.current = None;
            return;
        }
        match &self.current {
            Some((members, since)) if *members == picture.members => {
                if now.saturating_since(*since) >= stable_for {
                    self.last = Some(members.clone());
                }
            }
            _ => self.current = Some((picture.members.clone(), now)),
        }
    }

    pub(super) fn is_seen(&self) -> bool {
        self.last.is_some()
    }

    /// Whether those reached are the majority, or the half with the lowest node id.
    ///
    /// Whoever joined since does not count on either side.
    pub(super) fn keeps(&self, reached: &BTreeSet<&NodeId>, picture: &Picture) -> bool {
        let all = self.last.as_ref().unwrap_or(&picture.members);
        let here = all.iter().filter(|node| reached.contains(node)).count();
        let has_lowest = all.first().is_some_and(|node| reached.contains(node));
        2 * here > all.len() || (2 * here == all.len() && has_lowest)
    }
}

use std::sync::Arc;
use std::time::Duration;

use tenure_types::{CallError, Instant, Key};

use super::copies::{At, SharedCopies};
use super::copy::{SharedCopy, SharedError};
use super::slot::{AnySlot, Slot};
use crate::host::HostHandle;
use crate::{Actor, ActorRef};

/// A copy that nobody has read for so many of its greatest ages is refreshed no more, and leaves.
const UNREAD_AGES_MAX: u32 = 10;
/// A failed refresh is tried again after this part of the greatest age.
const RETRIES_IN_AGE: u32 = 4;
/// No copy is refreshed more often, however small its greatest age.
const PERIOD_MIN: Duration = Duration::from_millis(1);

/// What a node keeps a copy of, of actors of this type, for everybody who reads it.
///
/// `docs/how-to/near-caches.md` has a whole program with one.
pub trait Share: Actor {
    /// What the copy is.
    type Copy: Send + Sync + 'static;

    /// How old a copy may be when it is read. It is refreshed twice in this time.
    const MAX_AGE: Duration;

    /// Reads the actor. One such read of an actor runs on a node at a time.
    fn copy(actor: Self::Ref) -> impl Future<Output = Result<Self::Copy, CallError>> + Send;
}

/// Reads a copy; where there is none, starts to keep one.
pub(crate) fn read<A: Share>(
    host: &HostHandle,
    key: Key,
) -> Result<SharedCopy<A::Copy>, SharedError> {
    let Some(copies) = host.shared() else { return Err(SharedError::NotYet { why: None }) };
    let now = host.clock().now();
    let at = (A::slot().index(), key);
    let read = |slot: &Slot<A::Copy>| slot.read(now, A::MAX_AGE);
    if let Some(found) = copies.with(&at, read) {
        return found;
    }
    let (slot, is_new) = copies.enter::<A::Copy>(at.clone(), now);
    if is_new {
        let refresh = keep_fresh::<A>(host.fork(), at.1, Arc::clone(&slot));
        host.tasks().spawn("shared-copy", Box::pin(refresh));
    }
    read(&slot)
}

/// Sets a copy that nobody refreshes.
pub(crate) fn set<A: Share>(copies: &SharedCopies, key: Key, value: A::Copy, now: Instant) {
    let (slot, _) = copies.enter::<A::Copy>((A::slot().index(), key), now);
    slot.put(value, now);
}

/// Takes a slot out when its refreshing ends, also by a panic: the next read begins anew.
struct Leave {
    host: HostHandle,
    at: At,
    slot: Arc<dyn AnySlot>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(copies) = self.host.shared() {
            copies.forget(&self.at, &self.slot);
        }
    }
}

/// Reads the actor again and again. There is one such task for each copy, so one read at a time.
async fn keep_fresh<A: Share>(host: HostHandle, key: Key, slot: Arc<Slot<A::Copy>>) {
    let at = (A::slot().index(), key.clone());
    let _leave = Leave { host: host.clone(), at, slot: Arc::clone(&slot) as _ };
    loop {
        let began = host.clock().now();
        let actor = A::Ref::from(ActorRef::<A>::new(&host, &key));
        let period = match A::copy(actor).await {
            Ok(value) => {
                slot.put(value, began);
                A::MAX_AGE / 2
            }
            Err(error) => {
                slot.failed(error);
                A::MAX_AGE / RETRIES_IN_AGE
            }
        };
        let now = host.clock().now();
        let next = (began + period).max(now + PERIOD_MIN);
        host.tasks().sleep_until(next).await;
        let unread = host.clock().now().saturating_since(slot.read_at());
        if slot.has_left() || unread > A::MAX_AGE * UNREAD_AGES_MAX {
            return;
        }
    }
}

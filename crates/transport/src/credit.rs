use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::bounds::GRANT_PARTS;
use crate::frame::Class;

/// What a frame took of its lane's credit. Dropped, the frame counts as consumed when the receiver
/// returns; held, it counts when the [`Permit`] is dropped.
#[derive(Debug)]
pub struct Credit<'a> {
    account: &'a Arc<Account>,
    weight: usize,
    held: &'a mut usize,
}

impl<'a> Credit<'a> {
    pub(crate) fn new(account: &'a Arc<Account>, weight: usize, held: &'a mut usize) -> Self {
        Self { account, weight, held }
    }

    /// Keeps the frame's share of the credit until the permit is dropped. A receiver that holds much
    /// stops the sender at the lane's window, and its queue answers `Full` to new frames.
    #[must_use = "the frame counts as consumed as soon as the permit is dropped"]
    pub fn hold(self) -> Permit {
        *self.held += self.weight;
        self.account.held.fetch_add(self.weight, Ordering::Relaxed);
        Permit { account: Arc::clone(self.account), weight: self.weight }
    }
}

/// A frame's share of its lane's credit; dropping it says that the frame is consumed. It may outlive
/// its lane.
#[derive(Debug)]
pub struct Permit {
    account: Arc<Account>,
    weight: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.account.release(self.weight);
    }
}

/// What permits hold, and what they gave back and the lane has not seen yet: of a lane, and of those that were in
/// its place before. So a connection that is made anew brings no new window while the old one is held.
#[derive(Debug)]
pub(crate) struct Account {
    /// Changed by the lane's task alone.
    held: AtomicUsize,
    released: AtomicUsize,
    /// The lane is woken when so much was given back.
    part: usize,
    woken: Notify,
}

impl Account {
    pub(crate) fn new(class: Class) -> Self {
        let part = part_of(class);
        Self {
            held: AtomicUsize::new(0),
            released: AtomicUsize::new(0),
            part,
            woken: Notify::new(),
        }
    }

    fn release(&self, weight: usize) {
        let before = self.released.fetch_add(weight, Ordering::Relaxed);
        if before < self.part && before + weight >= self.part {
            self.woken.notify_one();
        }
    }

    /// Takes what was given back.
    pub(crate) fn take(&self) -> usize {
        // A frame costs no atomic write when nobody holds permits.
        if self.released.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let released = self.released.swap(0, Ordering::Relaxed);
        self.held.fetch_sub(released, Ordering::Relaxed);
        released
    }

    /// What permits are held for, but for what was given back since [`Account::take`].
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// What a new lane may send at first. What was given back before it is no longer held.
    pub(crate) fn begin(&self, class: Class) -> usize {
        let _nobody_waits_for_it = self.take();
        class.window_bytes().saturating_sub(self.held())
    }

    /// Completes when enough was given back to be worth a look.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn changed(&self) {
        self.woken.notified().await;
    }
}

/// How much is consumed before it is given back to the sender.
pub(crate) const fn part_of(class: Class) -> usize {
    class.window_bytes() / GRANT_PARTS
}

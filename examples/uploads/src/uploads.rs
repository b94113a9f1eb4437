use std::collections::BTreeMap;
use std::time::Duration;

use tenure::prelude::*;

/// How many uploads a user may have at a time.
pub const SLOTS: usize = 3;
/// The longest lease. Who needs longer renews it.
const SECONDS_MAX: u32 = 300;
const FILE_BYTES_MAX: usize = 256;

/// The uploads of a user.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uploads {
    /// How many slots were ever given. The next one has this number and one more.
    given: u64,
    /// The uploads that run, by the number of their slot.
    running: BTreeMap<u64, Upload>,
}

/// An upload that runs.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// What is uploaded.
    pub file: String,
    /// When its lease ends, in Unix milliseconds.
    pub until_ms: u64,
}

/// A slot.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Its number, to renew and to end it.
    pub slot: u64,
    /// For how long it is the client's.
    pub lease_ms: u64,
}

/// The uploads of a user, as they are shown.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct UploadsShown {
    /// The uploads that run, by slot.
    pub running: BTreeMap<u64, Upload>,
    /// How many more can begin.
    pub free: u32,
}

/// Why an upload does not begin or go on.
#[tenure::error]
#[derive(PartialEq)]
pub enum UploadError {
    /// All slots are taken. Nothing was changed.
    #[problem(
        status = 429,
        "{uploads} uploads run already; try again in {retry_after_ms} ms, or when one has ended"
    )]
    Busy {
        /// How many run.
        uploads: u32,
        /// When the next lease ends, if nobody renews it.
        retry_after_ms: u64,
    },
    /// The slot was given back, or its lease has ended: begin again.
    #[problem(status = 410, "slot {slot} is no longer yours")]
    Gone {
        /// Which one.
        slot: u64,
    },
    /// A name or a time that cannot be.
    #[problem(status = 422, "a file's name has 1 to 256 bytes, and a lease 1 to 300 seconds")]
    Malformed,
}

#[actor]
impl Uploads {
    /// Takes a slot for a file. A client that may have to ask again sends an idempotency key, or
    /// it has two.
    pub fn begin(
        &mut self,
        cx: &mut Context<Self>,
        file: String,
        seconds: u32,
    ) -> Result<Slot, UploadError> {
        if !(1..=FILE_BYTES_MAX).contains(&file.len()) {
            return Err(UploadError::Malformed);
        }
        let lease = lease(seconds)?;
        let now = cx.unix_ms();
        // A lease that has ended is free at once, even if its reminder is late.
        self.running.retain(|_, upload| upload.until_ms > now);
        if self.running.len() >= SLOTS {
            let next = self.running.values().map(|upload| upload.until_ms).min();
            let retry_after_ms = next.unwrap_or(now).saturating_sub(now);
            return Err(UploadError::Busy { uploads: SLOTS as u32, retry_after_ms });
        }
        self.given += 1;
        let slot = self.given;
        Ok(self.hold(cx, slot, file, lease))
    }

    /// Makes a slot the client's for another while.
    pub fn renew(
        &mut self,
        cx: &mut Context<Self>,
        slot: u64,
        seconds: u32,
    ) -> Result<Slot, UploadError> {
        let lease = lease(seconds)?;
        let now = cx.unix_ms();
        match self.running.remove(&slot).filter(|upload| upload.until_ms > now) {
            Some(upload) => Ok(self.hold(cx, slot, upload.file, lease)),
            None => Err(UploadError::Gone { slot }),
        }
    }

    /// Gives a slot back. One that is not the client's any more was given back before.
    pub fn end(&mut self, cx: &mut Context<Self>, slot: u64) {
        self.running.remove(&slot);
        cx.cancel_reminder(&reminder(slot));
    }

    /// The uploads that run.
    pub fn show(&self, cx: &Context<Self>) -> UploadsShown {
        let now = cx.unix_ms();
        let mut running = self.running.clone();
        running.retain(|_, upload| upload.until_ms > now);
        let free = SLOTS.saturating_sub(running.len()) as u32;
        UploadsShown { running, free }
    }

    /// Takes a slot back from a client that did not come back.
    #[handler]
    fn take_back(&mut self, cx: &mut Context<Self>, slot: u64) {
        let now = cx.unix_ms();
        if self.running.get(&slot).is_some_and(|upload| upload.until_ms <= now) {
            self.running.remove(&slot);
        }
    }
}

impl Uploads {
    fn hold(&mut self, cx: &mut Context<Self>, slot: u64, file: String, lease: Duration) -> Slot {
        let lease_ms = lease.as_millis() as u64;
        self.running.insert(slot, Upload { file, until_ms: cx.unix_ms() + lease_ms });
        // It takes the place of the slot's earlier one, and survives the node.
        cx.remind(&reminder(slot), lease, UploadsTakeBack { slot });
        Slot { slot, lease_ms }
    }
}

fn reminder(slot: u64) -> String {
    format!("slot {slot}")
}

fn lease(seconds: u32) -> Result<Duration, UploadError> {
    let seconds = Some(seconds).filter(|seconds| (1..=SECONDS_MAX).contains(seconds));
    seconds.map(|it| Duration::from_secs(it.into())).ok_or(UploadError::Malformed)
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn begin(
        cx: &mut TestContext<Uploads>,
        uploads: &mut Uploads,
        seconds: u32,
    ) -> Result<u64, UploadError> {
        uploads.begin(cx, "film.mp4".to_owned(), seconds).map(|slot| slot.slot)
    }

    #[test]
    fn a_fourth_upload_is_told_how_long_to_wait() {
        let mut cx = TestContext::<Uploads>::new("ada");
        let mut uploads = Uploads::default();
        for (seconds, slot) in [(30, 1), (20, 2), (40, 3)] {
            assert_eq!(begin(&mut cx, &mut uploads, seconds), Ok(slot));
        }
        cx.advance_with(&mut uploads, 5 * SECOND);
        let busy = UploadError::Busy { uploads: 3, retry_after_ms: 15_000 };
        assert_eq!(begin(&mut cx, &mut uploads, 30), Err(busy));
        uploads.end(&mut cx, 3);
        assert_eq!(begin(&mut cx, &mut uploads, 30), Ok(4));
        assert_eq!(uploads.show(&cx).free, 0);
    }

    #[test]
    fn a_client_that_vanishes_gives_its_slot_back_and_one_that_renews_keeps_it() {
        let mut cx = TestContext::<Uploads>::new("ada");
        let mut uploads = Uploads::default();
        let (vanishes, renews) =
            (begin(&mut cx, &mut uploads, 10), begin(&mut cx, &mut uploads, 10));
        assert_eq!((vanishes, renews), (Ok(1), Ok(2)));
        cx.advance_with(&mut uploads, 9 * SECOND);
        assert_eq!(uploads.renew(&mut cx, 2, 10), Ok(Slot { slot: 2, lease_ms: 10_000 }));
        cx.advance_with(&mut uploads, 2 * SECOND);
        assert_eq!(uploads.running.keys().collect::<Vec<_>>(), [&2]);
        assert_eq!(uploads.renew(&mut cx, 1, 10), Err(UploadError::Gone { slot: 1 }));
        cx.advance_with(&mut uploads, 10 * SECOND);
        assert_eq!((uploads.running.len(), cx.reminders()), (0, vec![]));
    }

    #[test]
    fn a_lease_ends_in_time_even_if_its_reminder_is_late() {
        let mut cx = TestContext::<Uploads>::new("ada");
        let mut uploads = Uploads::default();
        for _ in 0..SLOTS {
            begin(&mut cx, &mut uploads, 10).expect("a slot is free");
        }
        // Time passes, and no reminder is delivered.
        cx.advance(10 * SECOND);
        assert_eq!(uploads.show(&cx).free, 3);
        assert_eq!(uploads.renew(&mut cx, 1, 10), Err(UploadError::Gone { slot: 1 }));
        assert_eq!(begin(&mut cx, &mut uploads, 10), Ok(4));
        // Late, it takes nothing from anybody else.
        cx.advance_with(&mut uploads, Duration::ZERO);
        assert_eq!(uploads.running.len(), 1);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut cx = TestContext::<Uploads>::new("ada");
        let mut uploads = Uploads::default();
        for (file, seconds) in [("", 10), (&*"x".repeat(257), 10), ("a", 0), ("a", 301)] {
            let refused = uploads.begin(&mut cx, file.to_owned(), seconds);
            assert_eq!(refused, Err(UploadError::Malformed), "{file} {seconds}");
        }
        assert_eq!(uploads, Uploads::default());
    }
}

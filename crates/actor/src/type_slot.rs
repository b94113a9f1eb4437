use std::sync::atomic::{AtomicU32, Ordering};

/// A number for each actor type of the process, handed out at first use.
///
/// It finds a type's table entry without hashing; it means nothing outside the process.
#[derive(Debug)]
pub struct TypeSlot(AtomicU32);

static NEXT_SLOT: AtomicU32 = AtomicU32::new(1);

impl TypeSlot {
    /// A slot that has no number yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only made in a static, by the macro")]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The number, from 1.
    #[inline]
    pub fn index(&self) -> u32 {
        match self.0.load(Ordering::Relaxed) {
            0 => self.assign(),
            index => index,
        }
    }

    #[cold]
    fn assign(&self) -> u32 {
        let fresh = NEXT_SLOT.fetch_add(1, Ordering::Relaxed);
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(theirs) => theirs,
        }
    }
}

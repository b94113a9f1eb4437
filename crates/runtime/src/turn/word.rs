//! The turn word: who holds an activation, and what stands in the way of the next turn.
//!
//! One atomic number decides every start and end of a turn, so that an idle actor costs one
//! compare-and-swap to enter and one subtraction to leave. [`Word`] is the pure part: what may
//! follow what. [`TurnWord`] applies it atomically.

use crate::sync::{AtomicU32, Ordering};
use std::fmt;

const READERS: u32 = (1 << 20) - 1;
const WRITER: u32 = 1 << 20;
/// Calls wait in the mailbox: arrivals queue behind them.
pub(crate) const QUEUED: u32 = 1 << 21;
/// Turns have ended whose effects are not durable yet.
pub(crate) const UNSAVED: u32 = 1 << 22;
/// The activation starts over, or leaves, once nobody holds it and everything is saved.
pub(crate) const RESET: u32 = 1 << 23;
/// The state in memory was overtaken or could not be saved: no turn's effects are taken any more.
pub(crate) const LOST: u32 = 1 << 24;
/// The outcome of a unit is not known: no turn starts until it is.
pub(crate) const PAUSED: u32 = 1 << 25;
/// The activation has left the catalog: no turn will ever start on it.
pub(crate) const SEALED: u32 = 1 << 26;
/// The running turn leaves more than its change of the state.
pub(crate) const LEFT: u32 = 1 << 27;
/// What was written behind is to be encoded as soon as a turn ends.
pub(crate) const FLUSH: u32 = 1 << 28;
/// Work outside of turns will end in a message: the activation stays in memory.
pub(crate) const KEPT: u32 = 1 << 29;
/// The activation moves to another node once a turn has ended and everything is saved.
pub(crate) const MOVING: u32 = 1 << 30;

/// One value of the turn word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u32);

/// Why a turn cannot start at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has to wait in the mailbox.
    Busy,
    /// The activation has left; look the actor up again.
    Gone,
}

impl Word {
    /// Nobody holds it, nothing waits, nothing is unsaved.
    pub(crate) const IDLE: Word = Word(0);
    /// Held by the load that makes it live.
    pub(crate) const LOADING: Word = Word(WRITER);

    /// Enters from outside the mailbox.
    pub(crate) fn enter(self, exclusive: bool) -> Result<Word, Refusal> {
        let Word(word) = self;
        if word & SEALED != 0 {
            return Err(Refusal::Gone);
        }
        // First in, first out: who arrives while others wait, waits behind them.
        if word & QUEUED != 0 {
            return Err(Refusal::Busy);
        }
        self.enter_next(exclusive).ok_or(Refusal::Busy)
    }

    /// Enters from the head of the mailbox.
    pub(crate) fn enter_next(self, exclusive: bool) -> Option<Word> {
        let Word(word) = self;
        let blocked =
            WRITER | RESET | MOVING | PAUSED | SEALED | if exclusive { READERS } else { 0 };
        if word & blocked != 0 || (!exclusive && word & READERS == READERS) {
            return None;
        }
        Some(Word(if exclusive { word | WRITER } else { word + 1 }))
    }

    /// Enters to encode what was written behind: beside shared turns, also where no turn may start any more
    /// because the activation moves. One that starts over has nothing to encode: the exclusive turn that said so
    /// has done it at its end.
    pub(crate) fn enter_flush(self) -> Option<Word> {
        let Word(word) = self;
        let blocked = WRITER | RESET | LOST | PAUSED | SEALED;
        let is_blocked = word & blocked != 0 || word & READERS == READERS;
        (!is_blocked).then_some(Word(word + 1))
    }

    /// Ends a turn.
    pub(crate) fn leave(self, exclusive: bool) -> Word {
        let Word(word) = self;
        if exclusive {
            assert!(word & WRITER != 0, "an exclusive turn ended that had not begun: {self:?}");
            Word(word & !WRITER)
        } else {
            assert!(word & READERS != 0, "a shared turn ended that had not begun: {self:?}");
            Word(word - 1)
        }
    }

    /// Whether a turn or a load holds the activation.
    pub(crate) fn is_held(self) -> bool {
        self.0 & (WRITER | READERS) != 0
    }

    /// Whether any of `flags` is set.
    pub(crate) fn has(self, flags: u32) -> bool {
        self.0 & flags != 0
    }

    /// Starts over or leaves: takes the hold that a load has, if nothing stands in the way.
    pub(crate) fn enter_reset(self) -> Option<Word> {
        let ready = self.has(RESET) && !self.is_held() && !self.has(UNSAVED | SEALED | PAUSED);
        ready.then_some(Word((self.0 | WRITER) & !(RESET | LOST)))
    }

    /// Takes the hold of who packs it, if no turn is in the way. Something may be unsaved still; what
    /// starts over does not move.
    pub(crate) fn enter_moving(self) -> Option<Word> {
        let in_the_way = self.is_held() || self.has(RESET | LOST | PAUSED | SEALED);
        (self.has(MOVING) && !in_the_way).then_some(Word(self.0 | WRITER))
    }

    /// Whether nobody holds it, nothing waits and everything is saved.
    pub(crate) fn is_quiet(self) -> bool {
        self.0 & !KEPT == 0
    }

    /// Begins to leave memory: held by who leaves, under the same conditions as [`Word::seal`].
    pub(crate) fn set_out(self) -> Option<Word> {
        (self == Word::IDLE).then_some(Word(WRITER))
    }

    /// Leaves memory: nobody may hold it and nothing may wait.
    pub(crate) fn seal(self) -> Option<Word> {
        (self == Word::IDLE).then_some(Word(SEALED))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} readers", self.0 & READERS)?;
        for (flag, name) in [
            (WRITER, "writer"),
            (QUEUED, "queued"),
            (UNSAVED, "unsaved"),
            (RESET, "reset"),
            (LOST, "lost"),
            (PAUSED, "paused"),
            (SEALED, "sealed"),
            (LEFT, "left"),
            (FLUSH, "flush"),
            (KEPT, "kept"),
            (MOVING, "moving"),
        ] {
            if self.has(flag) {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

/// The turn word of one activation.
pub(crate) struct TurnWord(AtomicU32);

impl TurnWord {
    pub(crate) fn new(word: Word) -> Self {
        Self(AtomicU32::new(word.0))
    }

    pub(crate) fn read(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    /// Applies `change` atomically; gives the value after it, or the refusal.
    fn update<E>(&self, change: impl Fn(Word) -> Result<Word, E>) -> Result<Word, E> {
        let mut before = self.0.load(Ordering::Relaxed);
        loop {
            let after = change(Word(before))?;
            // Acquire: the turn sees what earlier turns wrote. Release: later turns see this one.
            match self.0.compare_exchange_weak(before, after.0, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Ok(after),
                Err(now) => before = now,
            }
        }
    }

    pub(crate) fn enter(&self, exclusive: bool) -> Result<(), Refusal> {
        self.update(|word| word.enter(exclusive)).map(|_| ())
    }

    pub(crate) fn enter_next(&self, exclusive: bool) -> bool {
        self.update(|word| word.enter_next(exclusive).ok_or(())).is_ok()
    }

    pub(crate) fn enter_flush(&self) -> bool {
        self.update(|word| word.enter_flush().ok_or(())).is_ok()
    }

    pub(crate) fn enter_reset(&self) -> bool {
        self.update(|word| word.enter_reset().ok_or(())).is_ok()
    }

    pub(crate) fn enter_moving(&self) -> bool {
        self.update(|word| word.enter_moving().ok_or(())).is_ok()
    }

    pub(crate) fn set_out(&self) -> bool {
        self.update(|word| word.set_out().ok_or(())).is_ok()
    }

    pub(crate) fn seal(&self) -> bool {
        self.update(|word| word.seal().ok_or(())).is_ok()
    }

    /// Ends a turn; gives the value after it.
    pub(crate) fn leave(&self, exclusive: bool) -> Word {
        let amount = if exclusive { WRITER } else { 1 };
        let before = Word(self.0.fetch_sub(amount, Ordering::AcqRel));
        before.leave(exclusive)
    }

    /// Sets flags; gives the value after it.
    pub(crate) fn set(&self, flags: u32) -> Word {
        Word(self.0.fetch_or(flags, Ordering::AcqRel) | flags)
    }

    /// Clears flags; gives the value after it.
    pub(crate) fn clear(&self, flags: u32) -> Word {
        Word(self.0.fetch_and(!flags, Ordering::AcqRel) & !flags)
    }
}

impl fmt::Debug for TurnWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_start_beside_what() {
        let one_reader = Word(1);
        for (word, exclusive, expected) in [
            (Word::IDLE, true, Ok(Word(WRITER))),
            (Word::IDLE, false, Ok(Word(1))),
            (one_reader, false, Ok(Word(2))),
            (one_reader, true, Err(Refusal::Busy)),
            (Word(WRITER), true, Err(Refusal::Busy)),
            (Word(WRITER), false, Err(Refusal::Busy)),
            (Word(QUEUED | 1), false, Err(Refusal::Busy)),
            (Word(UNSAVED), true, Ok(Word(UNSAVED | WRITER))),
            (Word(UNSAVED), false, Ok(Word(UNSAVED | 1))),
            (Word(RESET), false, Err(Refusal::Busy)),
            (Word(PAUSED), true, Err(Refusal::Busy)),
            (Word(MOVING), true, Err(Refusal::Busy)),
            (Word(MOVING), false, Err(Refusal::Busy)),
            (Word(SEALED), true, Err(Refusal::Gone)),
            (Word(READERS), false, Err(Refusal::Busy)),
        ] {
            assert_eq!(word.enter(exclusive), expected, "{word:?} exclusive: {exclusive}");
        }
    }

    #[test]
    fn the_head_of_the_mailbox_enters_though_others_wait() {
        for (word, exclusive, expected) in [
            (Word(QUEUED), true, Some(Word(QUEUED | WRITER))),
            (Word(QUEUED | 1), true, None),
            (Word(QUEUED | 1), false, Some(Word(QUEUED | 2))),
            (Word(QUEUED | WRITER), false, None),
            (Word(QUEUED | RESET), true, None),
        ] {
            assert_eq!(word.enter_next(exclusive), expected, "{word:?} exclusive: {exclusive}");
        }
    }

    #[test]
    fn what_was_written_behind_is_encoded_beside_readers_and_not_beside_a_writer() {
        for (word, expected) in [
            (Word(UNSAVED | FLUSH), Some(Word(UNSAVED | FLUSH | 1))),
            (Word(UNSAVED | QUEUED | 2), Some(Word(UNSAVED | QUEUED | 3))),
            (Word(UNSAVED | MOVING | 1), Some(Word(UNSAVED | MOVING | 2))),
            (Word(UNSAVED | WRITER), None),
            (Word(UNSAVED | PAUSED), None),
            (Word(UNSAVED | RESET), None),
            (Word(UNSAVED | LOST), None),
            (Word(SEALED), None),
            (Word(READERS), None),
        ] {
            assert_eq!(word.enter_flush(), expected, "{word:?}");
        }
    }

    #[test]
    fn an_activation_starts_over_only_when_quiet_and_saved() {
        for (word, expected) in [
            (Word(RESET), Some(Word(WRITER))),
            (Word(RESET | LOST | QUEUED), Some(Word(WRITER | QUEUED))),
            (Word(RESET | UNSAVED), None),
            (Word(RESET | 1), None),
            (Word(RESET | WRITER), None),
            (Word(RESET | PAUSED), None),
            (Word::IDLE, None),
        ] {
            assert_eq!(word.enter_reset(), expected, "{word:?}");
        }
    }

    #[test]
    fn an_activation_is_packed_between_turns_and_not_while_it_starts_over() {
        for (word, expected) in [
            (Word(MOVING), Some(Word(MOVING | WRITER))),
            (Word(MOVING | QUEUED | UNSAVED), Some(Word(MOVING | QUEUED | UNSAVED | WRITER))),
            (Word(MOVING | 1), None),
            (Word(MOVING | WRITER), None),
            (Word(MOVING | RESET), None),
            (Word(MOVING | PAUSED), None),
            (Word(MOVING | SEALED), None),
            (Word::IDLE, None),
        ] {
            assert_eq!(word.enter_moving(), expected, "{word:?}");
        }
        assert_eq!(Word(RESET | MOVING).enter_reset(), Some(Word(MOVING | WRITER)));
    }

    #[test]
    fn only_an_idle_activation_is_sealed() {
        assert_eq!(Word::IDLE.seal(), Some(Word(SEALED)));
        assert_eq!(Word::IDLE.set_out(), Some(Word(WRITER)));
        for word in [Word(1), Word(WRITER), Word(QUEUED), Word(UNSAVED), Word(SEALED)] {
            assert_eq!((word.seal(), word.set_out()), (None, None), "{word:?}");
        }
    }
}

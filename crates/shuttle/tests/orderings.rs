//! The turn word under every order of its memory accesses that the language allows: what one turn
//! wrote, the next one reads.
//!
//! The file is the runtime's own, compiled with the atomics of another checker: shuttle knows only
//! one order of all accesses.
#![allow(dead_code, unreachable_pub, reason = "the checked file has more than this test needs")]

#[path = "../../runtime/src/turn/word.rs"]
mod word;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
}

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use word::{QUEUED, TurnWord, Word};

/// A state behind a turn word, as `activation/hold.rs` reaches it.
struct Activation {
    word: TurnWord,
    state: UnsafeCell<u32>,
}

impl Activation {
    fn new() -> Arc<Self> {
        Arc::new(Self { word: TurnWord::new(Word::IDLE), state: UnsafeCell::new(0) })
    }

    /// An exclusive turn, unless another one is in the way.
    fn write(&self) -> bool {
        let entered = self.word.enter(true).is_ok();
        if entered {
            // The checker fails this where another access is not ordered before it.
            self.state.with_mut(bump);
            self.word.leave(true);
        }
        entered
    }

    /// A shared turn, unless an exclusive one is in the way.
    fn read(&self) -> bool {
        let entered = self.word.enter(false).is_ok();
        if entered {
            self.state.with(|state| {
                let _ = look(state);
            });
            self.word.leave(false);
        }
        entered
    }
}

#[expect(unsafe_code, reason = "the checker's cell gives pointers, as the real one does")]
fn bump(state: *mut u32) {
    // SAFETY: the word lets one exclusive turn in, and this test is to show it.
    unsafe { *state += 1 };
}

#[expect(unsafe_code, reason = "the checker's cell gives pointers, as the real one does")]
fn look(state: *const u32) -> u32 {
    // SAFETY: the word lets no exclusive turn in beside a shared one.
    unsafe { *state }
}

#[test]
fn a_turn_sees_what_the_turn_before_it_wrote() {
    loom::model(|| {
        let activation = Activation::new();
        let other = Arc::clone(&activation);
        let thread = loom::thread::spawn(move || other.write());
        let mut wrote = u32::from(activation.write());
        wrote += u32::from(thread.join().expect("it does not panic"));
        assert!(activation.word.enter(true).is_ok(), "nobody holds it");
        assert_eq!(activation.state.with(look), wrote);
    });
}

#[test]
fn a_shared_turn_ends_before_an_exclusive_one_begins() {
    loom::model(|| {
        let activation = Activation::new();
        let threads: Vec<_> = [false, true]
            .map(|exclusive| {
                let other = Arc::clone(&activation);
                loom::thread::spawn(move || if exclusive { other.write() } else { other.read() })
            })
            .into();
        activation.read();
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        assert!(activation.word.seal(), "nobody holds it");
    });
}

/// The end of a turn and the mark that somebody waits: one of both sides sees the other.
#[test]
fn a_mark_is_seen_or_the_hold_is_gone() {
    loom::model(|| {
        let activation = Activation::new();
        assert!(activation.word.enter(true).is_ok(), "nobody holds it");
        let other = Arc::clone(&activation);
        let thread = loom::thread::spawn(move || !other.word.set(QUEUED).is_held());
        let seen = activation.word.leave(true).has(QUEUED);
        let gone = thread.join().expect("it does not panic");
        assert!(seen || gone, "nobody would run the mailbox");
    });
}

/// An activation leaves only while nobody is in it, and nobody enters after.
#[test]
fn who_enters_keeps_it_and_who_seals_it_keeps_all_out() {
    loom::model(|| {
        let activation = Activation::new();
        let other = Arc::clone(&activation);
        let thread = loom::thread::spawn(move || other.word.enter(false).is_ok());
        let sealed = activation.word.seal();
        let entered = thread.join().expect("it does not panic");
        assert!(sealed != entered, "sealed: {sealed}, entered: {entered}");
    });
}

//! How deep turns are nested on this thread: a turn that calls an idle actor runs that turn on
//! its own stack.

use std::cell::Cell;
use std::ptr;
use std::sync::Arc;

use crate::activation::Activation;
use crate::sync::thread_local;

/// How many turns may run inside each other on one thread.
const DEPTH_MAX: u32 = 16;
/// How much of a thread's stack nested turns may use, in bytes.
const STACK_BYTES_MAX: usize = 256 * 1024;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the stack was when the outermost turn began.
    static BASE: Cell<usize> = const { Cell::new(0) };
    /// The activation whose mailbox this thread is running.
    static MAILBOX: Cell<*const Activation> = const { Cell::new(ptr::null()) };
}

/// One level of nesting, until it is dropped.
pub(super) struct Depth(());

impl Depth {
    /// One level deeper; `None` past the bounds: the turn then goes to a task.
    pub(super) fn enter() -> Option<Self> {
        let depth = DEPTH.with(Cell::get);
        let here = ptr::from_ref(&depth).addr();
        if depth == 0 {
            BASE.with(|base| base.set(here));
        } else if depth >= DEPTH_MAX || BASE.with(Cell::get).abs_diff(here) > STACK_BYTES_MAX {
            return None;
        }
        DEPTH.with(|it| it.set(depth + 1));
        Some(Self(()))
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Marks that this thread runs an activation's mailbox, until it is dropped.
pub(super) struct Running(*const Activation);

impl Running {
    pub(super) fn mailbox_of(activation: &Arc<Activation>) -> Self {
        Self(MAILBOX.with(|mailbox| mailbox.replace(Arc::as_ptr(activation))))
    }

    /// Whether this thread's innermost mailbox run is that of `activation`: its loop goes on after
    /// the turn, and nobody else need start one.
    pub(super) fn is_of(activation: &Arc<Activation>) -> bool {
        MAILBOX.with(Cell::get) == Arc::as_ptr(activation)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        MAILBOX.with(|mailbox| mailbox.set(self.0));
    }
}

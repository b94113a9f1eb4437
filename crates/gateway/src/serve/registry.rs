use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tenure_actor::host::HostHandle;
use tenure_types::Instant;

use super::link::Link;
use crate::config::ServerLimits;

/// How far a server has come on its way out. It only goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    /// Accepting and serving.
    Serving,
    /// Those who wait to be accepted are the last; nobody is told to close before they are in.
    Refusing,
    /// Nothing is accepted; open connections are served and told to close.
    Lingering,
    /// Idle connections are closed, busy ones after their reply.
    Closing,
    /// Everything is closed at once.
    Cut,
}

/// The open connections of a server and its stage.
pub(super) struct Registry {
    pub(super) host: HostHandle,
    pub(super) limits: ServerLimits,
    stage: AtomicU8,
    /// Whether the listener is there.
    listens: AtomicBool,
    open: Mutex<Open>,
    acceptor: AtomicWaker,
    drainer: AtomicWaker,
}

#[derive(Default)]
struct Open {
    links: Vec<Option<Arc<Link>>>,
    free: Vec<usize>,
}

/// Takes a connection out of its registry when it is dropped.
pub(super) struct Registered {
    registry: Arc<Registry>,
    index: usize,
}

impl Registry {
    pub(super) fn new(host: HostHandle, limits: ServerLimits) -> Self {
        Self {
            host,
            limits,
            stage: AtomicU8::new(Stage::Serving as u8),
            listens: AtomicBool::new(true),
            open: Mutex::default(),
            acceptor: AtomicWaker::new(),
            drainer: AtomicWaker::new(),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::Refusing,
            2 => Stage::Lingering,
            3 => Stage::Closing,
            _ => Stage::Cut,
        }
    }

    /// Goes on to `stage` and wakes who must know.
    pub(super) fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        self.acceptor.wake();
        let links: Vec<_> = self.open.lock().links.iter().flatten().cloned().collect();
        for link in links {
            link.waker.wake();
        }
    }

    /// Open connections.
    pub(super) fn len(&self) -> usize {
        let open = self.open.lock();
        open.links.len() - open.free.len()
    }

    /// Adds a connection, unless there are too many.
    pub(super) fn register(self: &Arc<Self>, link: &Arc<Link>) -> Option<Registered> {
        let mut open = self.open.lock();
        if open.links.len() - open.free.len() >= self.limits.connections_max {
            return None;
        }
        let link = Some(Arc::clone(link));
        let index = match open.free.pop() {
            Some(index) => {
                open.links[index] = link;
                index
            }
            None => {
                open.links.push(link);
                open.links.len() - 1
            }
        };
        let registry = Arc::clone(self);
        Some(Registered { registry, index })
    }

    /// Waits for a stage after `Serving`; the acceptor's own wait.
    pub(super) fn poll_stopped(&self, cx: &Context<'_>) -> Poll<()> {
        self.acceptor.register(cx.waker());
        match self.stage() {
            Stage::Serving => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Notes that the listener is closed.
    pub(super) fn note_deaf(&self) {
        self.listens.store(false, Ordering::Release);
        self.drainer.wake();
    }

    /// Waits until the listener is closed, at most until `deadline`.
    pub(super) async fn wait_deaf_until(&self, deadline: Instant) {
        self.wait_until(deadline, || !self.listens.load(Ordering::Acquire)).await;
    }

    /// Waits until no connection is open, at most until `deadline`.
    pub(super) async fn wait_empty_until(&self, deadline: Instant) {
        self.wait_until(deadline, || self.len() == 0).await;
    }

    /// The drainer's own wait.
    async fn wait_until(&self, deadline: Instant, is_so: impl Fn() -> bool) {
        let mut timer = self.host.tasks().sleep_until(deadline);
        poll_fn(|cx| {
            self.drainer.register(cx.waker());
            if is_so() {
                return Poll::Ready(());
            }
            timer.as_mut().poll(cx)
        })
        .await;
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut open = self.registry.open.lock();
        let link = open.links[self.index].take();
        open.free.push(self.index);
        drop(open);
        drop(link);
        self.registry.drainer.wake();
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("stage", &self.stage())
            .field("open", &self.len())
            .finish_non_exhaustive()
    }
}

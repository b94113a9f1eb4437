//! The node's side.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::SentinelError;
use crate::child::VARIABLE;
use crate::notice::{Commitment, Notice};
use crate::page::Page;

/// After how long a sentinel that died is started again; twice as long after each that died at once.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);

thread_local! {
    /// The slots that this thread holds; they are given back when it ends.
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

/// The sentinel of this process. Dropping it ends it as [`Sentinel::end`] does.
pub struct Sentinel {
    shared: Arc<Shared>,
    commitment: Commitment,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    page: Arc<Page>,
    /// The child's process, while there is one.
    child: Mutex<Option<Process>>,
}

struct Process {
    id: u32,
    /// What a signal is sent to; the number may be another process's by then.
    handle: Option<OwnedFd>,
}

/// A slot that a thread holds.
struct Held {
    page: Arc<Page>,
    at: usize,
}

impl Sentinel {
    /// What a sentinel needs, and no process yet.
    ///
    /// # Errors
    /// [`SentinelError`]: there is no shared memory, or no randomness, or this process is to be a sentinel itself.
    pub fn new() -> Result<Self, SentinelError> {
        if std::env::var_os(VARIABLE).is_some() {
            return Err(SentinelError::IsSentinel);
        }
        let mut secret = [0; 32];
        let random = SystemRandom::new().fill(&mut secret);
        random.map_err(|_| refused("random bytes")(io::ErrorKind::Other.into()))?;
        let page = Page::create(secret).map_err(refused("shared memory"))?;
        let shared = Shared { page: Arc::new(page), child: Mutex::new(None) };
        let commitment = Notice::new(secret).commitment();
        Ok(Self { shared: Arc::new(shared), commitment, keeper: Mutex::new(None) })
    }

    /// What peers must know to believe the notice.
    #[must_use]
    pub const fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// From now on the process lives as long as the current thread does. Every thread that runs turns or releases what they
    /// leave calls this before it does so first; again it costs a look. A thread that gets no place
    /// ([`THREADS_MAX`](crate::THREADS_MAX)) makes the sentinel say nothing for ever.
    pub fn hold(&self) {
        let page = &self.shared.page;
        let held = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            if !held.iter().any(|it| Arc::ptr_eq(&it.page, page)) {
                held.extend(take(page));
            }
        });
        if held.is_err() {
            // The thread ends already, and cannot give anything back.
            page.run_short();
        }
    }

    /// Starts the child process: this program again, whose `main` calls [`run_if_asked`](crate::run_if_asked). It is
    /// started again whenever it dies.
    ///
    /// # Errors
    /// [`SentinelError::System`]: nothing runs then.
    pub fn start(&self) -> Result<(), SentinelError> {
        let mut keeper = self.keeper.lock();
        if keeper.is_some() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let (tell, told) = mpsc::sync_channel(1);
        let kept = thread::Builder::new().name("tenure-sentinel".to_owned()).spawn(move || {
            // Before there is a child: none finds nobody who holds a slot while the process lives.
            let _held = take(&shared.page);
            let child = spawn(&shared);
            // The one who starts it waits for this.
            let begun = child.map(|child| {
                tell.send(Ok(())).ok();
                keep(&shared, child);
            });
            begun.or_else(|error| tell.send(Err(error))).ok();
        });
        let kept = kept.map_err(refused("a thread"))?;
        let begun = told.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        begun.map_err(refused("its process"))?;
        *keeper = Some(kept);
        Ok(())
    }

    /// Says whom to tell: datagrams go to the first [`PEERS_MAX`](crate::PEERS_MAX) of these.
    pub fn tell(&self, peers: &[SocketAddr]) {
        // One writer at a time.
        let _one = self.keeper.lock();
        self.shared.page.set_peers(peers);
    }

    /// Ends the sentinel: the process ends in good order, and nobody is told. Waits for the child.
    pub fn end(&self) {
        self.shared.page.end();
        let handle = self.shared.child.lock().as_mut().and_then(|child| child.handle.take());
        if let Some(handle) = handle {
            // It may have ended by itself.
            pidfd_send_signal(handle, Signal::KILL).ok();
        }
        let keeper = self.keeper.lock().take();
        if let Some(keeper) = keeper {
            keeper.thread().unpark();
            keeper.join().ok();
        }
    }

    /// The number of the child process, while there is one. For tests and for people.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.shared.child.lock().as_ref().map(|child| child.id)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.page.slots[self.at].give_back();
    }
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> SentinelError {
    move |source| SentinelError::System { what, source }
}

fn take(page: &Arc<Page>) -> Option<Held> {
    let at = page.slots.iter().position(|slot| slot.try_hold());
    if at.is_none() {
        page.run_short();
    }
    at.map(|at| Held { page: Arc::clone(page), at })
}

fn spawn(shared: &Shared) -> io::Result<Child> {
    let mut command = Command::new("/proc/self/exe");
    // With the arguments of this process it takes the same way to where it is asked for what it was started.
    command
        .args(std::env::args_os().skip(1))
        .arg0("tenure-sentinel")
        .env_clear()
        .env(VARIABLE, "1")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::from(shared.page.file()?))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut current = shared.child.lock();
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It was not waited for yet, so the number is its own.
    let handle = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    *current = Some(Process { id: child.id(), handle });
    Ok(child)
}

/// Waits for the child and starts another one, until the end.
fn keep(shared: &Shared, mut child: Child) {
    let mut pause = AGAIN_AFTER;
    loop {
        let begun = Instant::now();
        let status = child.wait();
        *shared.child.lock() = None;
        if shared.page.has_ended() {
            return;
        }
        tracing::warn!(?status, "the sentinel ended; it is started again");
        pause = if begun.elapsed() > AGAIN_AFTER_MAX { AGAIN_AFTER } else { pause };
        child = loop {
            thread::park_timeout(pause);
            pause = (pause * 2).min(AGAIN_AFTER_MAX);
            if shared.page.has_ended() {
                return;
            }
            match spawn(shared) {
                Ok(child) => break child,
                Err(error) => tracing::warn!(%error, "the sentinel could not be started again"),
            }
        };
        if shared.page.has_ended() {
            child.kill().ok();
        }
    }
}

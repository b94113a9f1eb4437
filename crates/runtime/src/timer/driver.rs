use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use tenure_actor::host::TimerKey;
use tenure_types::{BoxFuture, Clock, Instant, Tasks};

use super::wheel::Wheel;

use crate::sync::Mutex;

/// How many wishes come true before the driver lets other tasks run.
const DUE_MAX: usize = 1024;

/// The wheel and the task that turns it.
pub(crate) struct Timers {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
}

struct Inner {
    wheel: Wheel,
    /// When the driver will look, unless it is woken before.
    look_at: Instant,
    driver: Option<Waker>,
}

impl Timers {
    /// Makes the wheel and starts the task that turns it. The task ends once nobody holds the wheel:
    /// the deadlines of calls hold on a node that has stopped, too.
    pub(crate) fn start(clock: Arc<dyn Clock>, tasks: &Arc<dyn Tasks>) -> Arc<Self> {
        let wheel = Wheel::new(clock.now());
        let inner = Inner { wheel, look_at: Instant::NEVER, driver: None };
        let timers = Arc::new(Self { inner: Mutex::new(inner), clock });
        tasks.spawn("timers", Box::pin(drive(Arc::downgrade(&timers), Arc::clone(tasks))));
        timers
    }

    pub(crate) fn wake_at(&self, at: Instant, waker: Waker) -> TimerKey {
        let mut inner = self.inner.lock();
        let key = inner.wheel.insert(at, waker);
        let driver = (at < inner.look_at).then(|| inner.driver.take()).flatten();
        drop(inner);
        if let Some(driver) = driver {
            driver.wake();
        }
        key
    }

    pub(crate) fn forget(&self, key: TimerKey) {
        let forgotten = self.inner.lock().wheel.cancel(key);
        // A waker's destructor may free a task: not under the lock.
        drop(forgotten);
    }

    /// Wakes what is due; gives when to look again.
    fn turn(&self, driver: &Waker) -> Instant {
        let now = self.clock.now();
        let mut inner = self.inner.lock();
        let due = inner.wheel.take_due(now, DUE_MAX);
        let look_at = match due.len() {
            DUE_MAX => now,
            _ => inner.wheel.next_look().unwrap_or(Instant::NEVER),
        };
        inner.look_at = look_at;
        inner.driver = Some(driver.clone());
        drop(inner);
        for waker in due {
            waker.wake();
        }
        look_at
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        if let Some(driver) = self.inner.get_mut().driver.take() {
            driver.wake();
        }
    }
}

async fn drive(timers: Weak<Timers>, tasks: Arc<dyn Tasks>) {
    let mut sleep: Option<(Instant, BoxFuture<'static, ()>)> = None;
    poll_fn(|cx| {
        loop {
            let Some(timers) = timers.upgrade() else {
                return Poll::Ready(());
            };
            let look_at = timers.turn(cx.waker());
            drop(timers);
            if look_at == Instant::NEVER {
                sleep = None;
                return Poll::Pending;
            }
            if sleep.as_ref().is_none_or(|(at, _)| *at != look_at) {
                sleep = Some((look_at, tasks.sleep_until(look_at)));
            }
            let Some((_, future)) = &mut sleep else {
                return Poll::Pending;
            };
            std::task::ready!(future.as_mut().poll(cx));
            sleep = None;
        }
    })
    .await;
}

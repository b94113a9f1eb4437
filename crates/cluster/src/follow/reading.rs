//! Reading what an actor at another node has published.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tenure_actor::{EventBytes, EventPage, Target, WaitSlot, WatchId, Watcher};
use tenure_types::{ActorId, CallError, Incarnation};

use super::followers::Way as _;
use super::listeners::Place;
use super::reads::Asking;
use crate::driver::Driver;
use crate::following::{Following, PAGE_EVENTS_MAX};
use crate::life::name_of;
use crate::refusals::not_executed;
use crate::world::World;

/// The most bytes of them; what follows is asked for again.
const PAGE_BYTES_MAX: usize = 4 << 20;
/// How long one node has for its answer, and how long all that are asked have together.
const ANSWER_MAX: Duration = Duration::from_secs(1);
const READ_MAX: Duration = Duration::from_secs(5);
/// After how long it is asked again, perhaps elsewhere.
const AGAIN: Duration = Duration::from_millis(20);

/// Watches an actor while something of it is read, so that its place is known.
struct Watched<W: World> {
    driver: Arc<Driver<W>>,
    target: Target,
    watch: WatchId,
}

struct Deaf;

impl Watcher for Deaf {
    fn published(&self, _: u64, _: u64, _: &EventBytes) {}

    fn missed(&self) {}
}

impl<W: World> Drop for Watched<W> {
    fn drop(&mut self) {
        self.driver.unwatch(&self.target, self.watch);
    }
}

impl<W: World> Driver<W> {
    /// As [`tenure_actor::Publications::events`]: from where the actor lives, else from the store.
    pub(super) async fn read_events(
        self: Arc<Self>,
        target: Target,
        after: (u64, u64),
    ) -> Result<EventPage, CallError> {
        let watch = self.watch(&target, Arc::new(Deaf)).ok_or_else(not_executed)?;
        let _watched = Watched { driver: Arc::clone(&self), target: target.clone(), watch };
        let until = self.clock.now() + READ_MAX;
        let actor = name_of(&target);
        loop {
            let place = self.follows().and_then(|it| it.listeners.place(&actor));
            let is_late = self.clock.now() >= until;
            if let (Some(Place::At(host)), false) = (place, is_late) {
                if let Some(page) = self.ask_for_page(host, &actor, after).await {
                    return Ok(page);
                }
            } else {
                let runtime = self.runtime().ok_or_else(not_executed)?;
                match runtime.events(&target, after.0, after.1).await {
                    Err(CallError::Unavailable { .. }) if !is_late => {}
                    read => return read,
                }
            }
            self.tasks.sleep_until(self.clock.now() + AGAIN).await;
        }
    }

    async fn ask_for_page(
        self: &Arc<Self>,
        host: Incarnation,
        actor: &ActorId,
        (epoch, offset): (u64, u64),
    ) -> Option<EventPage> {
        let follows = self.follows()?;
        let (number, asked) = follows.reads.ask()?;
        let _asking = Asking(&follows.reads, number);
        self.tell(host, Following::Read { number, actor: actor.clone(), epoch, offset });
        let mut late = self.tasks.sleep_until(self.clock.now() + ANSWER_MAX);
        let mut slot = WaitSlot::default();
        let came = poll_fn(|cx| match asked.came.poll(&mut slot, cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => late.as_mut().poll(cx).map(|()| false),
        });
        if !came.await {
            return None;
        }
        asked.page.lock().take()
    }

    /// Another node asks what an actor here has published.
    pub(super) fn read_for(
        self: &Arc<Self>,
        from: Incarnation,
        number: u64,
        actor: &ActorId,
        (epoch, offset): (u64, u64),
    ) {
        let found = self.runtime().and_then(|runtime| Some((runtime.target_of(actor)?, runtime)));
        let Some((target, runtime)) = found else {
            return self.tell(from, Following::Page { number, page: None });
        };
        let driver = Arc::clone(self);
        let read = async move {
            // Whoever asks tries again, and says at last why it cannot be read there.
            let page = runtime.events(&target, epoch, offset).await.ok().and_then(cut);
            driver.tell(from, Following::Page { number, page });
        };
        self.tasks.spawn("events-read", Box::pin(read));
    }
}

/// As much of a page as goes into a frame; `None` where its first event does not.
fn cut(mut page: EventPage) -> Option<EventPage> {
    let mut bytes = 0;
    let fits = page.events.iter().take(PAGE_EVENTS_MAX).take_while(|(_, event)| {
        bytes += event.len();
        bytes <= PAGE_BYTES_MAX
    });
    let len = fits.count();
    let has_none = len == 0 && !page.events.is_empty();
    page.events.truncate(len);
    (!has_none).then_some(page)
}

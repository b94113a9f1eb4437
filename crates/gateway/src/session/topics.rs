//! What is followed on this node.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tenure_actor::host::HostHandle;
use tenure_actor::{EventBytes, Publications, Target, WatchId};
use tenure_observe::{MetricError, Metrics, names};
use tenure_protocol::session::{Position, TailBounds};
use tenure_types::CallError;
use tokio::sync::Semaphore;

use super::kinds::Kind;
use super::published::Published;
use super::topic::{Driver, Ears, Followed, Who, write_event};

/// Parts of the table, each with a lock of its own.
const PARTS: usize = 64;
/// Reads of missed events that are in flight on a node; further ones wait.
const READS_MAX: usize = 64;
/// Events that are written for their followers before other tasks run.
const DRAINED_AT_ONCE: usize = 16;
/// The most events that one answer to a question for history has.
const HISTORY_EVENTS_MAX: usize = 1_000;

pub(crate) struct Topics {
    host: HostHandle,
    pub(super) publications: Arc<dyn Publications>,
    bounds: TailBounds,
    parts: Box<[Part]>,
    next: AtomicU64,
    reads: Semaphore,
    len: Arc<AtomicUsize>,
    me: Weak<Topics>,
}

/// Topics by their names.
type Part = Mutex<BTreeMap<Arc<str>, Entry>>;

struct Entry {
    followed: Arc<Followed>,
    watch: WatchId,
}

impl Topics {
    pub(super) fn register(
        host: HostHandle,
        publications: Arc<dyn Publications>,
        bounds: TailBounds,
        metrics: &Metrics,
    ) -> Result<Arc<Self>, MetricError> {
        let len = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&len);
        metrics
            .register_gauge_fn(names::TOPICS, &[], move || seen.load(Ordering::Relaxed) as f64)?;
        Ok(Arc::new_cyclic(|me| Self {
            host,
            publications,
            bounds,
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            next: AtomicU64::new(1),
            reads: Semaphore::new(READS_MAX),
            len,
            me: me.clone(),
        }))
    }

    pub(super) fn host(&self) -> &HostHandle {
        &self.host
    }

    fn part(&self, name: &str) -> &Part {
        let sum = name.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        &self.parts[sum % PARTS]
    }

    /// Adds a follower under a number of its own, and the topic if it is the first.
    pub(super) fn join(
        &self,
        name: &str,
        kind: Kind,
        target: impl FnOnce() -> Target,
        follower: impl FnOnce(u64, &Arc<Followed>),
    ) -> (u64, Arc<Followed>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut part = self.part(name).lock();
        if let Some(entry) = part.get(name) {
            follower(id, &entry.followed);
            return (id, Arc::clone(&entry.followed));
        }
        let name: Arc<str> = name.into();
        let followed = Followed::new(
            Arc::clone(&name),
            kind,
            target(),
            self.me.clone() as Weak<dyn Driver>,
            self.bounds,
        );
        let followed = Arc::new(followed);
        follower(id, &followed);
        let ears = Arc::new(Ears(Arc::clone(&followed)));
        let watch = self.publications.watch(&followed.target, ears);
        part.insert(name, Entry { followed: Arc::clone(&followed), watch });
        self.len.fetch_add(1, Ordering::Relaxed);
        (id, followed)
    }

    /// Takes a follower out, and the topic with the last one.
    pub(super) fn leave(&self, followed: &Arc<Followed>, id: u64) {
        let mut part = self.part(&followed.name).lock();
        let is_empty = followed.leave(id);
        let is_known =
            part.get(&followed.name).is_some_and(|it| Arc::ptr_eq(&it.followed, followed));
        let gone = if is_empty && is_known { part.remove(&followed.name) } else { None };
        drop(part);
        if let Some(entry) = gone {
            self.publications.unwatch(&followed.target, entry.watch);
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// What an actor has published after a position, or since as long as is kept, at most `limit`
    /// events; and where its log stands. `None` where that position cannot be gone on from.
    pub(crate) async fn history(
        &self,
        topic: &str,
        kind: Kind,
        target: Target,
        after: Option<Position>,
        limit: i64,
    ) -> Result<Option<(Position, Vec<Arc<Published>>)>, CallError> {
        let from = match after.filter(|_| limit != 0) {
            Some(after) => after,
            None => {
                let end = self.publications.events(target.clone(), 0, 0).await?;
                let end = Position { epoch: end.epoch, offset: end.offset };
                if limit == 0 {
                    return Ok(Some((end, Vec::new())));
                }
                let kept = end.offset.saturating_sub(HISTORY_EVENTS_MAX as u64);
                Position { offset: kept, ..end }
            }
        };
        let limit = usize::try_from(limit).unwrap_or(HISTORY_EVENTS_MAX).min(HISTORY_EVENTS_MAX);
        let page = self.publications.events(target, from.epoch, from.offset).await?;
        let end = Position { epoch: page.epoch, offset: page.offset };
        if !page.recovered {
            return Ok(after.is_none().then(|| (end, Vec::new())));
        }
        let name: Arc<str> = topic.into();
        let write = |(offset, bytes): (u64, EventBytes)| {
            let at = Position { epoch: page.epoch, offset };
            write_event(&name, kind, at, &bytes)
        };
        let events = page.events.into_iter().take(limit).map(write).collect();
        Ok(Some((end, events)))
    }

    /// Who follows a topic, at most `max`, and how many there are.
    pub(crate) fn present(&self, name: &str, max: usize) -> (Vec<Who>, usize) {
        let followed = self.part(name).lock().get(name).map(|it| Arc::clone(&it.followed));
        followed.map_or((Vec::new(), 0), |followed| followed.present(max))
    }
}

impl Driver for Topics {
    fn read(&self, name: &Arc<str>, reader: Option<u64>, after: Position) {
        let (Some(topics), name) = (self.me.upgrade(), Arc::clone(name)) else { return };
        let task = async move {
            // Never closed.
            let Ok(_permit) = topics.reads.acquire().await else { return };
            let followed = topics.part(&name).lock().get(&name).map(|it| Arc::clone(&it.followed));
            let Some(followed) = followed else { return };
            let target = followed.target.clone();
            let page = topics.publications.events(target, after.epoch, after.offset).await;
            if let Err(error) = &page {
                tracing::warn!(topic = %name, %error, "events that were missed cannot be read");
            }
            followed.was_read(reader, after, page.ok());
        };
        self.host.tasks().spawn("events-read", Box::pin(task));
    }

    fn drain(&self, followed: Arc<Followed>) {
        let host = self.host.clone();
        let task = async move {
            while followed.drain(DRAINED_AT_ONCE) {
                poll_fn(|cx| host.tasks().poll_share(cx)).await;
            }
        };
        self.host.tasks().spawn("events-deliver", Box::pin(task));
    }
}

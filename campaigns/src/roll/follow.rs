//! Clients that follow actors while all nodes are restarted: each hears every event once and in order, or is told to
//! begin anew.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::follower::Follower;
use super::heard::Published;
use super::official::Official;
use super::source::Source;
use crate::book::Shown;
use crate::cluster::VOLATILE_TYPE;
use crate::cluster::client::{Crowd, Doors};
use crate::http::Connection;
use crate::interrupt;
use crate::stream::{Came, EventStream};

/// How long it may take until all have begun, and until all are up with what was published.
const BEGUN_MAX: Duration = Duration::from_secs(60);
const CAUGHT_UP_MAX: Duration = Duration::from_secs(60);
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// All of them, at work.
pub(super) struct Followers {
    all: Vec<Arc<Follower>>,
    stop: Arc<AtomicBool>,
    sources: Vec<JoinHandle<()>>,
    official: Option<Official>,
}

/// What they have heard.
#[derive(Debug, Default)]
pub(super) struct Followed {
    followers: usize,
    events: u64,
    reconnects: u64,
    refusals: u64,
    resets: BTreeMap<&'static str, u64>,
    lost: u64,
    doubled: u64,
    pub(super) findings: Vec<String>,
}

impl Followers {
    /// Starts so many that follow as `EventSource` does, and with a folder of `clients` some that are official clients.
    /// All of them have begun when this returns.
    pub(super) fn start(
        doors: &Arc<Doors>,
        actors: usize,
        sources: usize,
        clients: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let own: Vec<_> = (0..sources).map(|index| Follower::new(index, actors)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let start = |(index, follower): (usize, &Arc<Follower>)| {
            Source::start(Arc::clone(follower), Arc::clone(doors), Arc::clone(&stop), index)
        };
        let threads = own.iter().enumerate().map(start).collect();
        let mut this = Self { all: own, stop: Arc::clone(&stop), sources: threads, official: None };
        if let Some(clients) = clients {
            let theirs: Vec<_> =
                (0..Official::FOLLOWERS).map(|index| Follower::new(index, actors)).collect();
            this.official = Some(Official::start(clients, doors, &theirs)?);
            this.all.extend(theirs);
        }
        let until = Instant::now() + BEGUN_MAX;
        while this.all.iter().any(|it| it.heard.lock().at.is_none()) {
            if Instant::now() >= until {
                bail!("not everybody who follows an actor was let in");
            }
            interrupt::pause(LOOK_PERIOD)?;
        }
        Ok(this)
    }

    /// Waits until all are up with what was published, now that no call is made any more, ends them, and compares.
    ///
    /// # Errors
    /// When a node does not say what there is.
    pub(super) fn finish(
        mut self,
        node: SocketAddr,
        crowds: &[Arc<Crowd>],
    ) -> anyhow::Result<Followed> {
        let mut published = BTreeMap::new();
        for follower in &self.all {
            let actor = (follower.actor_type, follower.actor);
            if let Entry::Vacant(entry) = published.entry(actor) {
                entry.insert(ask(node, actor, crowds)?);
            }
        }
        let end_of = |it: &Follower| published[&(it.actor_type, it.actor)].end;
        let until = Instant::now() + CAUGHT_UP_MAX;
        while Instant::now() < until && !self.all.iter().all(|it| it.is_at(end_of(it))) {
            interrupt::pause(LOOK_PERIOD)?;
        }
        self.stop.store(true, Ordering::Relaxed);
        for source in self.sources.drain(..) {
            if let Err(panic) = source.join() {
                std::panic::resume_unwind(panic);
            }
        }
        if let Some(official) = self.official.take() {
            official.end()?;
        }
        let mut followed = Followed::default();
        for follower in &self.all {
            let actor = (follower.actor_type, follower.actor);
            followed.take(follower, &published[&actor]);
        }
        Ok(followed)
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What an actor has published: a new follower of it is told where the log ends.
fn ask(
    node: SocketAddr,
    (actor_type, actor): (&'static str, usize),
    crowds: &[Arc<Crowd>],
) -> anyhow::Result<Published> {
    let path = format!("/v1/{actor_type}/{actor}");
    let mut stream = EventStream::open(node, &format!("{path}/events"), None)
        .map_err(|why| anyhow::anyhow!("{path}: no stream: {why}"))?;
    let until = Instant::now() + BEGUN_MAX;
    let end = loop {
        match stream.next() {
            Came::Message(message) => {
                break message.id.parse().context("a stream without an id")?;
            }
            Came::Nothing if Instant::now() < until => interrupt::check()?,
            Came::Nothing | Came::End => bail!("{path}: the stream does not begin"),
        }
    };
    let reply = Connection::new(node).call("GET", &format!("{path}/show"), "");
    let reply = reply.map_err(|why| anyhow::anyhow!("{path}: {why:?}"))?;
    let Shown { count, .. } = serde_json::from_str(&reply)?;
    let crowd = crowds.iter().find(|crowd| crowd.actor_type == actor_type);
    let book = crowd.and_then(|crowd| crowd.book());
    let acknowledged = book.map(|book| book.acknowledged(actor)).unwrap_or_default();
    Ok(Published { end, count, acknowledged, keeps_log: actor_type != VOLATILE_TYPE })
}

impl Followed {
    fn take(&mut self, follower: &Follower, published: &Published) {
        let mut heard = follower.heard.lock();
        heard.compare(published);
        self.followers += 1;
        self.events += heard.events;
        self.reconnects += follower.connections.load(Ordering::Relaxed).saturating_sub(1);
        self.refusals += follower.refusals.load(Ordering::Relaxed);
        *self.resets.entry(follower.actor_type).or_default() += heard.resets;
        self.lost += heard.lost;
        self.doubled += heard.doubled;
        let Follower { actor_type, actor, .. } = follower;
        let named =
            heard.wrong.iter().map(|it| format!("WRONG: events of {actor_type}/{actor}: {it}"));
        self.findings.extend(named);
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { followers, events, reconnects, refusals, lost, doubled, .. } = self;
        write!(
            f,
            "followers: {followers}; events: {events} delivered, {lost} lost, {doubled} doubled; {reconnects} reconnects, \
             {refusals} refused by nodes that stop; told to begin anew:"
        )?;
        for (name, resets) in &self.resets {
            write!(f, " {name} {resets}")?;
        }
        Ok(())
    }
}

use std::sync::Arc;

use tenure_store::{
    Due, Encoded, FeedError, FeedFrom, FeedInfo, FeedKeep, FeedPage, MemoryDisk, Store, StoreError,
    Stored, StoredHead, Trimmed, Unit, UnitOutcome, UnitSink,
};
use tenure_types::{ActorId, BoxFuture, FeedName, Incarnation, Key};

use super::route::{Client, Lost, Route, RouteConfig, RouteTrouble, Routed};
use super::service::wait;
use super::session::{Lines, Session, submit};
use crate::machine::Machine;
use crate::simulation::Simulation;
use crate::tasks::SimTasks;

/// The server of a state store, over the memory engine. Clones are the same one.
#[derive(Clone)]
pub struct StoreHost {
    route: Arc<Route>,
    lines: Arc<Lines>,
}

impl StoreHost {
    /// A server over `disk`.
    #[must_use]
    pub fn new(sim: &Simulation, config: RouteConfig, disk: MemoryDisk) -> Self {
        Self::build(sim, config, disk, None)
    }

    /// A server with a standby that is `lag` operations behind, and that loses them in
    /// [`lose_tail`](Self::lose_tail): a deployment that Tenure does not support.
    #[must_use]
    pub fn with_standby(
        sim: &Simulation,
        config: RouteConfig,
        disk: MemoryDisk,
        lag: usize,
    ) -> Self {
        Self::build(sim, config, disk, Some(lag))
    }

    fn build(sim: &Simulation, config: RouteConfig, disk: MemoryDisk, lag: Option<usize>) -> Self {
        let route = Route::new(sim, "store", config);
        let lines = Lines::new(Arc::clone(&route.tasks), sim.clock(), disk, lag);
        Self { route, lines }
    }

    /// The store as a process sees it: a session of its own at the server.
    #[must_use]
    pub fn link(&self, machine: &Machine, process: &Arc<SimTasks>) -> Arc<StoreLink> {
        let client = Arc::new(self.route.client(machine, process));
        let session = Session::begin(&self.lines);
        Arc::new(StoreLink { client, session })
    }

    /// Begins a trouble; gives the number to [`end`](Self::end) it by.
    #[must_use]
    pub fn begin(&self, trouble: RouteTrouble) -> u64 {
        self.route.begin(trouble)
    }

    /// Ends a trouble.
    pub fn end(&self, trouble: u64) {
        self.route.end(trouble);
    }

    /// Another server takes over with all that was committed: only answers are lost.
    pub fn fail_over(&self) {
        self.route.fail_over();
    }

    /// The standby takes over, and what it had not heard of is lost. Gives how many operations
    /// those were; zero where there is no standby.
    pub fn lose_tail(&self) -> usize {
        self.route.fail_over();
        self.lines.promote()
    }

    /// What is stored now, as no process can see it.
    #[must_use]
    pub fn disk(&self) -> MemoryDisk {
        self.lines.disk()
    }

    /// How many entries of feeds were refused with their units, because a fence had closed their stripe.
    #[must_use]
    pub fn entries_fenced(&self) -> u64 {
        self.lines.entries_fenced()
    }

    /// How many units were submitted again twice at least, and came each time.
    #[must_use]
    pub fn came_thrice(&self) -> u64 {
        self.lines.came_thrice()
    }

    /// What was asked so far.
    #[must_use]
    pub fn counts(&self) -> Routed {
        self.route.counts()
    }
}

/// A state store as one process sees it: every request may be late, lost, or done and not answered.
pub struct StoreLink {
    client: Arc<Client>,
    session: Arc<Session>,
}

impl StoreLink {
    /// Asks the server for something that changes what is stored.
    fn change<R: Send + 'static>(
        &self,
        what: &'static str,
        run: impl FnOnce(Arc<Session>) -> BoxFuture<'static, Result<R, StoreError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<R, StoreError>> {
        let route = Arc::clone(self.client.route());
        self.read(what, move |session| {
            if route.has(|trouble| trouble == RouteTrouble::Full) {
                let detail = "no space is left on the device".into();
                let full = StoreError::Io { doing: what.into(), detail };
                return Box::pin(std::future::ready(Err(full)));
            }
            run(session)
        })
    }

    /// Asks the server for something that changes nothing.
    fn read<R: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        what: &'static str,
        run: impl FnOnce(Arc<Session>) -> BoxFuture<'static, Result<R, E>> + Send + 'static,
    ) -> BoxFuture<'static, Result<R, E>> {
        let session = Arc::clone(&self.session);
        let answer = wait(&self.client, what, move || run(session));
        Box::pin(async move {
            answer.await.unwrap_or_else(|lost| {
                let detail = lost.to_string().into();
                Err(StoreError::Io { doing: what.into(), detail }.into())
            })
        })
    }
}

impl Store for StoreLink {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn open(&self) -> BoxFuture<'_, Result<Incarnation, StoreError>> {
        self.change("open", |session| Box::pin(async move { session.open().await }))
    }

    fn open_to_read(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.read("open_to_read", |session| {
            Box::pin(async move { session.engine().open_to_read().await })
        })
    }

    fn join(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change("join", move |session| Box::pin(async move { session.join(incarnation).await }))
    }

    fn fence(&self, incarnation: Incarnation) -> BoxFuture<'_, Result<(), StoreError>> {
        self.change("fence", move |session| {
            Box::pin(async move { session.fence(incarnation).await })
        })
    }

    fn load(&self, actor: &ActorId) -> BoxFuture<'static, Result<Option<Stored>, StoreError>> {
        let actor = actor.clone();
        self.read("load", move |session| session.engine().load(&actor))
    }

    fn events(
        &self,
        actor: &ActorId,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<(u64, Encoded)>, StoreError>> {
        let actor = actor.clone();
        self.read("events", move |session| session.engine().events(&actor, after, limit))
    }

    fn due(
        &self,
        until_ms: u64,
        after: Option<Due>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<Due>, StoreError>> {
        self.read("due", move |session| session.engine().due(until_ms, after, limit))
    }

    fn types(&self) -> BoxFuture<'static, Result<Vec<Box<str>>, StoreError>> {
        self.read("types", |session| session.engine().types())
    }

    fn heads(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredHead>, StoreError>> {
        let (type_name, after) = (type_name.to_owned(), after.cloned());
        self.read("heads", move |session| session.engine().heads(&type_name, after.as_ref(), limit))
    }

    fn read_feed(
        &self,
        feed: &FeedName,
        from: FeedFrom,
        limit: usize,
    ) -> BoxFuture<'static, Result<FeedPage, FeedError>> {
        let feed = feed.clone();
        self.read("read_feed", move |session| session.engine().read_feed(&feed, from, limit))
    }

    fn feeds(&self) -> BoxFuture<'static, Result<Vec<FeedInfo>, StoreError>> {
        self.read("feeds", |session| session.engine().feeds())
    }

    fn feed_ends(&self, feeds: &[FeedName]) -> BoxFuture<'static, Result<Vec<u64>, StoreError>> {
        let feeds = feeds.to_vec();
        self.read("feed_ends", move |session| session.engine().feed_ends(&feeds))
    }

    fn trim_feed(
        &self,
        feed: &FeedName,
        keep: FeedKeep,
    ) -> BoxFuture<'static, Result<Trimmed, StoreError>> {
        let feed = feed.clone();
        self.change("trim_feed", move |session| session.engine().trim_feed(&feed, keep))
    }

    fn submit(&self, unit: Arc<Unit>, sink: Arc<dyn UnitSink>) {
        let token = unit.token;
        let (session, route) = (Arc::clone(&self.session), Arc::clone(self.client.route()));
        let run = move || -> BoxFuture<'static, UnitOutcome> {
            if route.has(|trouble| trouble == RouteTrouble::Full) {
                let reason = "no space is left on the device".into();
                return Box::pin(std::future::ready(UnitOutcome::Unknown { reason }));
            }
            Box::pin(submit(session, unit))
        };
        // The sink is told in the process that submitted, or never.
        self.client.ask("submit", run, move |outcome: Result<UnitOutcome, Lost>| {
            let outcome = outcome.unwrap_or_else(|lost| {
                let reason = lost.to_string().into();
                UnitOutcome::Unknown { reason }
            });
            sink.settled(token, outcome);
        });
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.read("close", |session| Box::pin(async move { session.engine().close().await }))
    }
}

//! One request, as [`Table::apply`] does it: what it needs is read, `apply` makes what is to be of it, and one transaction
//! writes what differs, if nothing that was read has changed since.
//!
//! Cost: a poll without news and a renewal are one round trip each; a change of who is a member reads every row.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Txn, TxnResponse};
use parking_lot::Mutex;
use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{
    Table, TableAction, TableAnswer, TableError, TableRequest, WATCH_MAX,
};
use tenure_types::{BoxFuture, ViewNumber};

use crate::engine::Engine;
use crate::form::{Keys, StoredView, hexadecimal};
use crate::history::History;
use crate::link::Link;
use crate::look::{Look, Rows};
use crate::{EtcdConfig, EtcdError};

/// How often a change is tried while others change the table at the same time.
const TRIES_MAX: usize = 16;

/// An answer is waited for at least as long: a connection has to come about in it.
const PATIENCE_MIN: Duration = Duration::from_millis(500);

/// The member table in etcd, over a connection of its own. Dropping it ends that.
pub struct EtcdTable {
    shared: Arc<Shared>,
    engine: Engine,
}

struct Shared {
    config: Arc<EtcdConfig>,
    keys: Keys,
    link: Link,
    history: History,
    cluster: String,
    terms: String,
    /// What the last renewal left, for the next one to begin with.
    renewed: Mutex<Option<Look>>,
}

impl EtcdTable {
    /// The table of this cluster in the etcd and under the prefix that `config` names. `terms` is what all its members
    /// must have in common, the length of their leases above all: who counts on a shorter one ends leases that hold. An
    /// answer of etcd is waited for as long as `patience`, and for half a second where that is less. Nothing is connected yet.
    #[must_use]
    pub fn new(config: EtcdConfig, cluster: &str, terms: &str, patience: Duration) -> Self {
        let config = Arc::new(config);
        let shared = Shared {
            keys: Keys::under(&config.prefix),
            link: Link::new(Arc::clone(&config), patience.max(PATIENCE_MIN)),
            config,
            history: History::default(),
            cluster: cluster.to_owned(),
            terms: terms.to_owned(),
            renewed: Mutex::default(),
        };
        Self { shared: Arc::new(shared), engine: Engine::new() }
    }

    /// Looks whether etcd is there and the table this cluster's or nobody's, at each server until one answers. Other terms
    /// hold from now on where nobody is a member.
    ///
    /// # Errors
    /// Says what to do.
    ///
    /// # Cancel safety
    /// Changes nothing but the terms.
    pub fn check(&self) -> BoxFuture<'static, Result<(), EtcdError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.check().await })
    }

    /// Does one request as [`Table::apply`] does. Whoever joins has an incarnation above `past`: the highest that the
    /// state store ever saw.
    ///
    /// # Errors
    /// [`Lost`]: it was done or not.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer alone.
    pub fn ask(
        &self,
        request: TableRequest,
        past: ViewNumber,
    ) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        let shared = Arc::clone(&self.shared);
        let answered = self.engine.run(async move { shared.answer(&request, past).await });
        Box::pin(async move {
            answered.await.map_err(|error| {
                tracing::debug!(%error, "the member table has not answered");
                Lost
            })
        })
    }
}

impl Shared {
    async fn check(&self) -> Result<(), EtcdError> {
        let mut look = self.own_look(Rows::All).await;
        for _ in 1..self.config.hosts.len() {
            if !matches!(look, Err(EtcdError::Unanswered { .. })) {
                break;
            }
            look = self.own_look(Rows::All).await;
        }
        let theirs = match look {
            Err(EtcdError::Terms { theirs, .. }) => theirs,
            other => return other.map(drop),
        };
        let look = self.look(Rows::All).await?;
        if look.table.rows().any(|row| !row.member.state.is_gone()) {
            return Err(self.terms(&theirs));
        }
        // Nobody is a member: the view is written as it is, with the terms of this one.
        let cleared = look.write_terms(&self.keys, &self.view(&look.table));
        let answer = self.transact(cleared).await?;
        if answer.succeeded() { Ok(()) } else { Err(EtcdError::Busy { place: self.place() }) }
    }

    async fn answer(
        &self,
        request: &TableRequest,
        past: ViewNumber,
    ) -> Result<TableAnswer, EtcdError> {
        match self.act(request, past).await {
            // Members are told what it is, and nothing that they observed counts any more.
            Err(EtcdError::Replaced { place, what }) => Ok(TableAnswer {
                timeline: self.history.etcd(),
                number: request.seen,
                outcome: Err(TableError::Replaced { what: format!("{place}: {what}").into() }),
            }),
            other => other,
        }
    }

    async fn act(
        &self,
        request: &TableRequest,
        past: ViewNumber,
    ) -> Result<TableAnswer, EtcdError> {
        self.history.whole().map_err(|what| self.replaced(what))?;
        let mut left = self.left(&request.action);
        for _ in 0..TRIES_MAX {
            let known = left.take();
            let is_fresh = known.is_none();
            let look = match known {
                Some(look) => look,
                None => self.look_for(request).await?,
            };
            let mut after = match request.action {
                TableAction::Join { .. } => look.table.clone().past(past),
                _ => look.table.clone(),
            };
            let before = after.clone();
            let answer = after.apply(request.clone());
            let has_changed = after != before;
            if !has_changed && is_fresh {
                return Ok(answer);
            }
            if has_changed && self.change(&look, &after, &request.action).await? {
                return Ok(answer);
            }
        }
        Err(EtcdError::Busy { place: self.place() })
    }

    /// What the last renewal of this row left, if this is the next one.
    fn left(&self, action: &TableAction) -> Option<Look> {
        let TableAction::Beat { incarnation, beat } = action else { return None };
        let left = self.renewed.lock().take()?;
        left.table.row(*incarnation).is_some_and(|row| row.beat == *beat).then_some(left)
    }

    /// Reads what the request needs.
    async fn look_for(&self, request: &TableRequest) -> Result<Look, EtcdError> {
        match &request.action {
            TableAction::Poll { known, watch } => {
                let watch = &watch[..watch.len().min(WATCH_MAX)];
                let look = self.own_look(Rows::These(watch)).await?;
                if look.table.number() <= *known {
                    return Ok(look);
                }
                self.own_look(Rows::All).await
            }
            TableAction::Beat { incarnation, .. } => {
                self.own_look(Rows::These(&[*incarnation])).await
            }
            _ => self.own_look(Rows::All).await,
        }
    }

    /// Writes what differs; `false` if something of it was written by another one since.
    async fn change(
        &self,
        look: &Look,
        after: &Table,
        action: &TableAction,
    ) -> Result<bool, EtcdError> {
        let Some(change) = look.write(&self.keys, after, &self.view(after)) else {
            return Ok(true);
        };
        let answer = self.transact(change).await?;
        let is_done = answer.succeeded();
        if let (true, TableAction::Beat { incarnation, .. }) = (is_done, action) {
            let revision = answer.header().map_or(0, |header| header.revision());
            *self.renewed.lock() = Some(look.clone().renewed(after, *incarnation, revision));
        }
        Ok(is_done)
    }

    /// A look at the table, if it is this cluster's or nobody's, and its members live by this node's terms.
    async fn own_look(&self, rows: Rows<'_>) -> Result<Look, EtcdError> {
        let look = self.look(rows).await?;
        match &look.view {
            Some(view) if !(view.terms.is_empty() || view.terms == self.terms) => {
                Err(self.terms(&view.terms))
            }
            _ => Ok(look),
        }
    }

    async fn look(&self, rows: Rows<'_>) -> Result<Look, EtcdError> {
        let answer = self.transact(rows.read(&self.keys)).await?;
        let damaged = |what: String| EtcdError::Damaged { place: self.place(), what: what.into() };
        let look = Look::of(&answer, &self.keys, self.history.etcd()).map_err(damaged)?;
        let Some(view) = &look.view else { return Ok(look) };
        if view.cluster != self.cluster {
            let (place, theirs) = (self.place(), view.cluster.as_str().into());
            return Err(EtcdError::Foreign { place, theirs, own: self.cluster.as_str().into() });
        }
        if view.etcd != hexadecimal(self.history.etcd()) {
            let what = self.history.moved(&view.etcd);
            return Err(self.replaced(what));
        }
        Ok(look)
    }

    /// Sends a transaction, and looks whether it was still the same etcd that has answered.
    async fn transact(&self, transaction: Txn) -> Result<TxnResponse, EtcdError> {
        let least = self.history.revision();
        let answer = self.link.send(transaction).await?;
        let (etcd, revision) = match answer.header() {
            Some(header) => (header.cluster_id(), header.revision()),
            None => (0, 0),
        };
        let known = self.history.witness(etcd, revision, least);
        known.map_err(|what| self.replaced(what))?;
        Ok(answer)
    }

    /// The view of this table, as it is stored.
    fn view(&self, table: &Table) -> StoredView {
        StoredView::new(&self.cluster, &self.terms, table.number().0, self.history.etcd())
    }

    fn terms(&self, theirs: &str) -> EtcdError {
        let own = self.terms.as_str().into();
        EtcdError::Terms { place: self.place(), theirs: theirs.into(), own }
    }

    fn replaced(&self, what: Box<str>) -> EtcdError {
        EtcdError::Replaced { place: self.place(), what }
    }

    fn place(&self) -> Box<str> {
        self.config.place().into()
    }
}

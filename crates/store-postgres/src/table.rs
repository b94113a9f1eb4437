//! The member table of a cluster in the database that has its actors.
//!
//! [`Table`] is the specification and does the work: a look reads every row, `Table::apply` makes the new view of
//! it, and one statement writes what differs, whole or not at all. A renewal, which makes no view, is one statement on
//! one row. So no transaction waits for its client, and two changes at a time are two views.
//!
//! Cost: a poll without news reads the rows it watches, a renewal writes one; a change of who is a member reads and
//! sends every row.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{
    JoinToken, Row as Member, Table, TableAction, TableAnswer, TableOutcome, TableRequest,
    WATCH_MAX,
};
use tenure_protocol::view::{self, MemberState};
use tenure_store::StoreError;
use tenure_types::{BoxFuture, Incarnation, NodeId, ViewNumber};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::engine::Engine;
use crate::failure::{Failure, unavailable};
use crate::link::{Link, Session};
use crate::schema::required;
use crate::{PostgresConfig, sql};

/// How often a change is tried while others change the table at the same time.
const TRIES_MAX: usize = 16;
/// What the server says of a change that another one was before.
const OVERTAKEN: &str = "22012";
/// A view that everybody has: no row is read but those that are watched.
const NO_VIEW: i64 = i64::MAX;
/// A view before every other one: every row is read.
const BEFORE_ALL: i64 = -1;

/// The member table in a PostgreSQL database, over a connection of its own. Dropping it ends that.
pub struct PostgresTable {
    shared: Arc<Shared>,
    engine: Engine,
}

struct Shared {
    config: Arc<PostgresConfig>,
    link: Link,
    cluster: String,
    terms: String,
    read: String,
    beat: String,
    change: String,
}

/// The table as one look saw it.
struct Look {
    cluster: String,
    terms: String,
    table: Table,
    /// The number at which the row of the view stands.
    stored: i64,
    /// The highest incarnation that the store ever saw.
    highest: ViewNumber,
}

/// What one change writes.
#[derive(Default)]
struct Difference {
    own: Vec<i64>,
    beats: Vec<i64>,
    states: Vec<String>,
    presumed: Vec<bool>,
    forgotten: Vec<i64>,
    joined: (Option<String>, Option<i16>, Option<String>, Option<String>),
}

/// What is known of one request.
enum Tried {
    Answered(TableAnswer),
    /// Another change came between: nothing was done.
    Overtaken,
}

impl PostgresTable {
    /// The table of this cluster in the database and schema that `config` names. `terms` is what all its members must
    /// have in common, the length of their leases above all: who counts on a shorter one ends leases that hold. Nothing
    /// is connected yet.
    #[must_use]
    pub fn new(config: PostgresConfig, cluster: &str, terms: &str) -> Self {
        let config = Arc::new(config);
        let link = Link::new(Arc::clone(&config), "tenure members".to_owned());
        let [read, beat, change] = sql::members();
        let (cluster, terms) = (cluster.to_owned(), terms.to_owned());
        let shared = Shared { config, link, cluster, terms, read, beat, change };
        Self { shared: Arc::new(shared), engine: Engine::new() }
    }

    /// Looks whether the table is there and this cluster's. Other terms hold from now on where nobody is a member.
    ///
    /// # Errors
    /// Says what to do: the tables are missing or older, or another cluster's, or its members have other terms.
    ///
    /// # Cancel safety
    /// Changes nothing but the terms.
    pub fn check(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        let shared = Arc::clone(&self.shared);
        self.engine.run(async move { shared.check().await })
    }

    /// Does one request as [`Table::apply`] does.
    ///
    /// # Errors
    /// [`Lost`]: it was done or not.
    ///
    /// # Cancel safety
    /// Dropping the future loses the answer alone.
    pub fn ask(&self, request: TableRequest) -> BoxFuture<'static, Result<TableAnswer, Lost>> {
        let shared = Arc::clone(&self.shared);
        let answered = self.engine.run(async move { shared.answer(request).await });
        Box::pin(async move {
            answered.await.map_err(|error| {
                tracing::debug!(%error, "the member table has not answered");
                Lost
            })
        })
    }
}

impl Shared {
    async fn check(&self) -> Result<(), StoreError> {
        let session = self.link.session().await?;
        required(&session.client, &self.config).await?;
        let look = self.look(BEFORE_ALL, &[]).await?;
        let (place, own) = (self.config.place(), &self.cluster);
        if !(look.cluster.is_empty() || look.cluster == *own) {
            return Err(unavailable(&format!(
                "the member table of {place} is that of the cluster {:?}, and this node is of {own:?}; name \
                 another database or schema, or the cluster (cluster.name)",
                look.cluster
            )));
        }
        if self.has(&look.terms) {
            return Ok(());
        }
        if look.table.rows().any(|row| !row.member.state.is_gone()) {
            return Err(unavailable(&format!(
                "the members in {place} have {}, and this node has {}; give all the same (cluster.lease, \
                 cluster.key), or stop them all first",
                look.terms, self.terms
            )));
        }
        let sql = "UPDATE view SET terms = '' WHERE number = $1 AND terms = $2";
        let cleared = session.query(sql, &[&look.stored, &look.terms]).await;
        self.kept(&session, cleared).map(drop)
    }

    fn has(&self, terms: &str) -> bool {
        terms.is_empty() || terms == self.terms
    }

    async fn answer(&self, request: TableRequest) -> Result<TableAnswer, StoreError> {
        for _ in 0..TRIES_MAX {
            let tried = match &request.action {
                TableAction::Poll { known, watch } => self.poll(&request, *known, watch).await,
                TableAction::Beat { incarnation, beat } => {
                    self.renew(&request, *incarnation, *beat).await
                }
                _ => self.change(&request).await,
            };
            if let Tried::Answered(answer) = tried? {
                return Ok(answer);
            }
        }
        Err(unavailable("the member table changes all the time"))
    }

    async fn poll(
        &self,
        request: &TableRequest,
        known: ViewNumber,
        watch: &[Incarnation],
    ) -> Result<Tried, StoreError> {
        let watch = &watch[..watch.len().min(WATCH_MAX)];
        let mut look = self.own_look(number(known.0)?, watch).await?;
        Ok(Tried::Answered(look.table.apply(request.clone())))
    }

    async fn renew(
        &self,
        request: &TableRequest,
        incarnation: Incarnation,
        beat: u64,
    ) -> Result<Tried, StoreError> {
        let (own, at, seen) = (number(incarnation.0)?, number(beat)?, number(request.seen.0)?);
        let session = self.link.session().await?;
        let renewed =
            session.query(&self.beat, &[&own, &at, &seen, &self.cluster, &self.terms]).await;
        let rows = self.kept(&session, renewed)?;
        if let Some(row) = rows.first() {
            let beat = unsigned(row.get(0))?;
            let number = ViewNumber(unsigned(row.get(1))?);
            let outcome = Ok(TableOutcome::Beaten { beat });
            let timeline = unsigned(row.get(2))?;
            return Ok(Tried::Answered(TableAnswer { timeline, number, outcome }));
        }
        // The row says why.
        let mut look = self.own_look(NO_VIEW, &[incarnation]).await?;
        let answer = look.table.apply(request.clone());
        Ok(match answer.outcome {
            Ok(_) => Tried::Overtaken,
            Err(_) => Tried::Answered(answer),
        })
    }

    async fn change(&self, request: &TableRequest) -> Result<Tried, StoreError> {
        let look = self.own_look(BEFORE_ALL, &[]).await?;
        let before = match request.action {
            // Whoever joins has an incarnation that the store never saw.
            TableAction::Join { .. } => look.table.past(look.highest),
            _ => look.table,
        };
        let mut after = before.clone();
        let answer = after.apply(request.clone());
        if after.number() == before.number() {
            return Ok(Tried::Answered(answer));
        }
        let Difference { own, beats, states, presumed, forgotten, joined } =
            Difference::between(&before, &after)?;
        let (node, weight, address, token) = joined;
        let now = number(after.number().0)?;
        let session = self.link.session().await?;
        let parameters: [&(dyn ToSql + Sync); 13] = [
            &look.stored,
            &now,
            &self.cluster,
            &own,
            &beats,
            &states,
            &presumed,
            &forgotten,
            &node,
            &weight,
            &address,
            &token,
            &self.terms,
        ];
        match session.query(&self.change, &parameters).await {
            Err(Failure::Refused { code, .. }) if code == OVERTAKEN => Ok(Tried::Overtaken),
            changed => self.kept(&session, changed).map(|_| Tried::Answered(answer)),
        }
    }

    /// A look at the table, if it is this cluster's or nobody's.
    async fn own_look(&self, known: i64, watch: &[Incarnation]) -> Result<Look, StoreError> {
        let look = self.look(known, watch).await?;
        let is_own = look.cluster.is_empty() || look.cluster == self.cluster;
        if is_own && self.has(&look.terms) {
            return Ok(look);
        }
        let Look { cluster, terms, .. } = look;
        let whose =
            format!("the member table is of cluster {cluster:?}, whose members have {terms}");
        Err(unavailable(&whose))
    }

    async fn look(&self, known: i64, watch: &[Incarnation]) -> Result<Look, StoreError> {
        let watch: Vec<i64> = watch.iter().map(|it| number(it.0)).collect::<Result<_, _>>()?;
        let session = self.link.session().await?;
        let read = session.query(&self.read, &[&known, &watch]).await;
        let rows = self.kept(&session, read)?;
        let first = rows.first().ok_or_else(|| damaged("it has no view"))?;
        let (cluster, terms, stored) = (first.get(0), first.get(1), first.get(2));
        let (highest, timeline) = (first.get(3), first.get(4));
        let is_one = |row: &&Row| row.get::<_, Option<i64>>(5).is_some();
        let members = rows.iter().filter(is_one).map(member).collect::<Result<Vec<_>, _>>()?;
        let at = ViewNumber(unsigned(stored)?);
        let table = Table::stored(at, unsigned(timeline)?, members);
        let highest = ViewNumber(unsigned(highest)?);
        Ok(Look { cluster, terms, table, stored, highest })
    }

    /// What a statement gave, and the end of a connection that is of no use any more.
    fn kept(
        &self,
        session: &Arc<Session>,
        rows: Result<Vec<Row>, Failure>,
    ) -> Result<Vec<Row>, StoreError> {
        rows.map_err(|failure| {
            if failure.ends_connection() {
                self.link.drop_session(session);
            }
            let (doing, detail) = ("asking the member table".into(), failure.reason().into());
            StoreError::Io { doing, detail }
        })
    }
}

impl Difference {
    fn between(before: &Table, after: &Table) -> Result<Self, StoreError> {
        let mut this = Self::default();
        let stand: BTreeMap<Incarnation, &Member> =
            after.rows().map(|row| (row.member.incarnation, row)).collect();
        for row in before.rows() {
            let own = number(row.member.incarnation.0)?;
            match stand.get(&row.member.incarnation) {
                None => this.forgotten.push(own),
                Some(moved) if *moved != row => {
                    this.own.push(own);
                    this.beats.push(number(row.beat)?);
                    this.states.push(moved.member.state.to_string());
                    this.presumed.push(moved.member.presumed);
                }
                Some(_) => {}
            }
        }
        let is_new = |row: &&Member| before.row(row.member.incarnation).is_none();
        if let Some(Member { member, token, .. }) = after.rows().find(is_new) {
            this.joined = (
                Some(member.node.to_string()),
                Some(member.weight.into()),
                Some(member.address.to_string()),
                Some(format!("{:032x}", token.0)),
            );
        }
        Ok(this)
    }
}

/// A row as it is stored.
fn member(row: &Row) -> Result<Member, StoreError> {
    let incarnation = Incarnation(unsigned(row.get(5))?);
    let wrong = |what: &str| damaged(&format!("the {what} of member {incarnation} is none"));
    let node = NodeId::new(row.get(6)).map_err(|_| wrong("node"))?;
    let state = state(row.get(7)).ok_or_else(|| wrong("state"))?;
    let weight = u8::try_from(row.get::<_, i16>(9)).map_err(|_| wrong("weight"))?;
    let token = u128::from_str_radix(row.get(12), 16).map_err(|_| wrong("token"))?;
    let (presumed, address) = (row.get(8), Arc::from(row.get::<_, &str>(10)));
    let member = view::Member { incarnation, node, state, presumed, weight, address };
    Ok(Member { member, beat: unsigned(row.get(11))?, token: JoinToken(token) })
}

fn state(name: &str) -> Option<MemberState> {
    use MemberState::{Alive, Condemned, Down, Joining, Leaving, Left};
    [Joining, Alive, Leaving, Condemned, Down, Left].into_iter().find(|it| it.to_string() == name)
}

/// A number as the database has it.
fn number(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| unavailable("a member table has no numbers above 2^63 - 1"))
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged("a number is below zero"))
}

fn damaged(detail: &str) -> StoreError {
    let detail = format!("{detail}; it was changed by hand: restore a backup");
    StoreError::Corrupt { what: "the member table".into(), detail: detail.into() }
}

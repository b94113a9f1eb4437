//! A walk over everything that actors are: one transaction that only reads, on a connection of its own.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use tenure_store::row::{Owner, beside};
use tenure_store::{Pages, StoreError, Walk, Walked};
use tenure_types::{BoxFuture, Key};
use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::PostgresConfig;
use crate::connect::connect;
use crate::failure::{io, unavailable};
use crate::link::{Session, read_error};
use crate::loads::{head_of, key_of};
use crate::reads::not_ours;
use crate::sql::{WALK_ACTORS, WALK_JOURNAL, WALK_ROWS};

/// How many rows one statement reads, and after how many bytes of them it stops.
const READ_MAX: i64 = 1_024;
const READ_BYTES_MAX: i64 = 4 << 20;
/// How long one of those statements may take, on a disk that has much else to do.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long whoever walks may leave the transaction alone: the server keeps rows that are replaced
/// meanwhile.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

type Parameter<'a> = &'a (dyn ToSql + Sync);

pub(crate) struct TableWalk {
    /// The engine's thread.
    engine: Handle,
    /// `None` once the walk was broken off.
    steps: Option<Steps>,
}

impl TableWalk {
    /// Begins the transaction: what is seen is what is committed now.
    ///
    /// # Errors
    /// What the server refuses.
    pub(crate) async fn begin(config: &PostgresConfig) -> Result<Self, StoreError> {
        let mut config = config.clone();
        config.statement_timeout = STATEMENT_TIMEOUT;
        let client = connect(&config, "tenure walk").await?;
        // The first statement in it decides what is seen.
        let begin = format!(
            "SET idle_in_transaction_session_timeout TO {}; \
             BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT incarnation FROM store",
            IDLE_TIMEOUT.as_millis()
        );
        client.batch_execute(&begin).await.map_err(|error| io("beginning to read", &error))?;
        let steps = Steps {
            session: Session::new(client, config.answer_timeout()),
            actors: Read::default(),
            journal: Read::default(),
            rows: Read::default(),
            pages: Pages::default(),
            last: None,
            is_over: false,
        };
        Ok(Self { engine: Handle::current(), steps: Some(steps) })
    }
}

impl Walk for TableWalk {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Walked>, StoreError>> {
        Box::pin(async move {
            let Some(mut steps) = self.steps.take() else {
                return Err(unavailable("the walk was broken off; begin another"));
            };
            let walking = self.engine.spawn(async move {
                let page = steps.page().await;
                (page, steps)
            });
            let ended = |_| unavailable("the store was closed meanwhile");
            let (page, steps) = walking.await.map_err(ended)?;
            let page = page?;
            self.steps = Some(steps);
            Ok(page)
        })
    }
}

/// The three tables, read side by side in one order.
struct Steps {
    session: Session,
    actors: Read,
    journal: Read,
    rows: Read,
    pages: Pages,
    last: Option<Last>,
    is_over: bool,
}

/// The head that came last.
struct Last {
    type_name: Box<str>,
    key: Key,
    /// What lies beside it counts if its version is above.
    born: i64,
    is_shown: bool,
}

/// How far one table was read.
#[derive(Default)]
struct Read {
    found: VecDeque<Row>,
    place: Place,
    is_over: bool,
}

/// The key of the row that was read last; that of none comes before all.
#[derive(Default)]
struct Place {
    type_name: String,
    key: String,
    kind: i16,
    seq: i64,
    name: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Table {
    Actors,
    Journal,
    Rows,
}

impl Steps {
    async fn page(&mut self) -> Result<Vec<Walked>, StoreError> {
        while !self.is_over && self.pages.has_room() {
            if self.row_of(Table::Journal).await? || self.row_of(Table::Rows).await? {
                continue;
            }
            self.actors.fill(&self.session, Table::Actors).await?;
            match self.actors.found.pop_front() {
                Some(row) => self.head(&row)?,
                None => {
                    self.is_over = true;
                    self.pages.end()?;
                }
            }
        }
        Ok(self.pages.take())
    }

    fn head(&mut self, row: &Row) -> Result<(), StoreError> {
        let (type_name, text): (&str, &str) = (row.get(0), row.get(1));
        let key = Key::new(text).map_err(|_| not_ours("an actor", type_name, text))?;
        let owner = Owner { type_name, key: text };
        let stored = head_of(owner, (row.get(2), row.get(3), row.get(4)), row.get(5))?;
        let is_shown = self.pages.head(owner, key.clone(), stored)?;
        self.last = Some(Last { type_name: type_name.into(), key, born: row.get(6), is_shown });
        Ok(())
    }

    /// Takes the next row of this table if it does not belong to an actor that comes later.
    async fn row_of(&mut self, table: Table) -> Result<bool, StoreError> {
        let Some(last) = &self.last else { return Ok(false) };
        let read = match table {
            Table::Rows => &mut self.rows,
            Table::Journal | Table::Actors => &mut self.journal,
        };
        read.fill(&self.session, table).await?;
        let Some(row) = read.found.front() else { return Ok(false) };
        let place: (&str, &str) = (row.get(0), row.get(1));
        let owner = Owner { type_name: &last.type_name, key: &last.key };
        let order = place.cmp(&(owner.type_name, owner.key));
        if order == Ordering::Greater {
            return Ok(false);
        }
        // What is nobody's, or of an earlier life, goes when a node has time.
        if order == Ordering::Equal && last.is_shown && row.get::<_, i64>(5) > last.born {
            let key = key_of(owner, row.get(2), row.get(3), row.get(4))?;
            if self.pages.wants(&key) {
                self.pages.row(beside::decode(owner, 0, key, row.get(6))?)?;
            }
        }
        read.found.pop_front();
        Ok(true)
    }
}

impl Read {
    /// Reads on, if nothing is left of what was read.
    async fn fill(&mut self, session: &Session, table: Table) -> Result<(), StoreError> {
        if self.is_over || !self.found.is_empty() {
            return Ok(());
        }
        let Place { type_name, key, kind, seq, name } = &self.place;
        let actors: [Parameter<'_>; 4] = [type_name, key, &READ_MAX, &READ_BYTES_MAX];
        let journal: [Parameter<'_>; 5] = [type_name, key, seq, &READ_MAX, &READ_BYTES_MAX];
        let rows: [Parameter<'_>; 7] =
            [type_name, key, kind, seq, name, &READ_MAX, &READ_BYTES_MAX];
        let (sql, parameters) = match table {
            Table::Actors => (WALK_ACTORS, &actors[..]),
            Table::Journal => (WALK_JOURNAL, &journal[..]),
            Table::Rows => (WALK_ROWS, &rows[..]),
        };
        let found = session.query(sql, parameters).await;
        self.found = found.map_err(|failure| read_error("reading actors", &failure))?.into();
        let Some(last) = self.found.back() else {
            self.is_over = true;
            return Ok(());
        };
        let (type_name, key) = (last.get(0), last.get(1));
        self.place = match table {
            Table::Actors => Place { type_name, key, ..Place::default() },
            Table::Journal | Table::Rows => {
                Place { type_name, key, kind: last.get(2), seq: last.get(3), name: last.get(4) }
            }
        };
        Ok(())
    }
}

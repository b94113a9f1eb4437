use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tenure_store::StoreError;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};

use crate::PostgresConfig;
use crate::connect::connect;
use crate::failure::Failure;

/// How long a connection that could not be made is not tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A connection that is made when it is needed, and again when it was lost.
pub(crate) struct Link {
    config: Arc<PostgresConfig>,
    /// What the server lists it as.
    name: String,
    /// Whose permit is held while a connection is made.
    gate: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failed: Option<(Instant, StoreError)>,
}

/// One connection and what was prepared on it.
pub(crate) struct Session {
    pub(crate) client: Client,
    answer_timeout: Duration,
    prepared: Mutex<HashMap<Box<str>, Statement>>,
}

impl Link {
    pub(crate) fn new(config: Arc<PostgresConfig>, name: String) -> Self {
        Self { config, name, gate: Semaphore::new(1), state: Mutex::default() }
    }

    /// The connection, made again if it is gone.
    ///
    /// # Errors
    /// Why it cannot be made; within a moment of a failure the same again.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, StoreError> {
        if let Some(known) = self.known() {
            return known;
        }
        let _permit = self.gate.acquire().await;
        // Somebody else may have made it meanwhile.
        if let Some(known) = self.known() {
            return known;
        }
        let made = connect(&self.config, &self.name).await;
        let mut state = self.state.lock();
        match made {
            Ok(client) => {
                if state.failed.take().is_some() {
                    tracing::info!(connection = self.name, "the database is reached again");
                }
                let session = Session::new(client, self.config.answer_timeout());
                Ok(Arc::clone(state.session.insert(Arc::new(session))))
            }
            Err(error) => {
                if state.failed.is_none() {
                    tracing::warn!(connection = self.name, %error, "the database is not reached");
                }
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// The connection that is there, or why there is none for now.
    fn known(&self) -> Option<Result<Arc<Session>, StoreError>> {
        let mut state = self.state.lock();
        if state.session.as_ref().is_some_and(|it| it.client.is_closed()) {
            state.session = None;
        }
        if let Some(session) = &state.session {
            return Some(Ok(Arc::clone(session)));
        }
        let (when, error) = state.failed.as_ref()?;
        (when.elapsed() < AGAIN_AFTER).then(|| Err(error.clone()))
    }

    /// Drops the connection, if it is still this one.
    pub(crate) fn drop_session(&self, session: &Arc<Session>) {
        let mut state = self.state.lock();
        if state.session.as_ref().is_some_and(|it| Arc::ptr_eq(it, session)) {
            state.session = None;
        }
    }

    /// Runs a statement that reads.
    ///
    /// # Errors
    /// As [`Link::session`], and what the server said while `doing`.
    pub(crate) async fn read(
        &self,
        doing: &str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let session = self.session().await?;
        let rows = session.query(sql, parameters).await;
        if let Err(failure) = &rows
            && failure.ends_connection()
        {
            self.drop_session(&session);
        }
        rows.map_err(|failure| read_error(doing, &failure))
    }
}

/// What who reads is told.
pub(crate) fn read_error(doing: &str, failure: &Failure) -> StoreError {
    let reason = failure.reason().into();
    if failure.is_damage() {
        return StoreError::Corrupt { what: doing.into(), detail: reason };
    }
    StoreError::Io { doing: doing.into(), detail: reason }
}

impl Session {
    /// Over `client`, whose answers are waited for as long.
    pub(crate) fn new(client: Client, answer_timeout: Duration) -> Self {
        Self { client, answer_timeout, prepared: Mutex::default() }
    }

    /// Runs a statement, prepared at its first use. Dropping the future loses only the answer.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let answered = timeout(self.answer_timeout, async {
            let statement = self.statement(sql).await?;
            self.client.query(&statement, parameters).await
        });
        match answered.await {
            Ok(rows) => rows.map_err(|error| Failure::of(&error)),
            Err(_) => Err(self.silent()),
        }
    }

    /// Runs statements in one message, and so in one transaction, and counts the rows that they answer.
    /// Dropping the future loses only the answer.
    pub(crate) async fn run(&self, sql: &str) -> Result<usize, Failure> {
        match timeout(self.answer_timeout, self.client.simple_query(sql)).await {
            Ok(Ok(answer)) => {
                let rows = answer.iter().filter(|it| matches!(it, SimpleQueryMessage::Row(_)));
                Ok(rows.count())
            }
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(self.silent()),
        }
    }

    fn silent(&self) -> Failure {
        let waited = self.answer_timeout;
        Failure::Lost(format!("the server has not answered in {waited:?}"))
    }

    async fn statement(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.prepared.lock().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        // Who prepares it at the same time does so for nothing.
        let statement = self.client.prepare(sql).await?;
        self.prepared.lock().insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

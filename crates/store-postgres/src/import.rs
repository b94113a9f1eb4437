//! A store that is made through the contract, in tables that refuse everybody else meanwhile.

use tenure_store::StoreError;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::connect::{check, connect};
use crate::failure::io;
use crate::schema::required;
use crate::{PostgresConfig, PostgresStore};

/// A store that is being filled in tables that had nothing. While it is, and after a process that ended before it was
/// finished, the tables say so: nobody opens them, and only another import begins anew with them.
pub struct PostgresImport {
    config: PostgresConfig,
    /// Its connection holds the lock that keeps other imports out.
    client: Client,
}

impl PostgresImport {
    /// Marks the tables, which must be there and have nothing in them but what an import left that was not finished.
    /// Nodes that serve from them while they are empty are fenced.
    ///
    /// # Errors
    /// [`StoreError::Io`] names what is there; [`StoreError::Unavailable`] where another import is under way, or there
    /// are no tables; others where the server refuses. Nothing was changed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the tables as they were, or marked.
    pub async fn begin(config: &PostgresConfig) -> Result<Self, StoreError> {
        let client = connect(config, "tenure import").await?;
        check(&client, config).await?;
        let config = PostgresConfig { is_filled: true, ..config.clone() };
        let found = required(&client, &config).await?;
        let import = Self { config, client };
        import.lock(found.id).await?;
        import.run("BEGIN").await?;
        let began = import.mark().await;
        import.run(if began.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        began.map(|()| import)
    }

    /// The store that is to be filled. It is opened and closed by who fills it.
    #[must_use]
    pub fn store(&self) -> PostgresStore {
        PostgresStore::new(self.config.clone())
    }

    /// Lets everybody open the store, which was filled and closed.
    ///
    /// # Errors
    /// Whether it may be opened is then for the next opening to say.
    ///
    /// # Cancel safety
    /// As an error.
    pub async fn finish(self) -> Result<(), StoreError> {
        self.run("UPDATE store SET format = abs(format)").await
    }

    /// Empties the tables, and lets everybody open them.
    ///
    /// # Errors
    /// The tables are then marked as before.
    ///
    /// # Cancel safety
    /// As an error.
    pub async fn discard(self) -> Result<(), StoreError> {
        self.run(&format!("BEGIN; {CLEAR}; UPDATE store SET format = abs(format); COMMIT")).await
    }

    /// Keeps other imports out as long as there is a connection.
    async fn lock(&self, id: u64) -> Result<(), StoreError> {
        let sql = "SELECT pg_try_advisory_lock($1)";
        let row = self.client.query_typed_one(sql, &[(&(id as i64), Type::INT8)]).await;
        if row.map_err(|error| io("locking the tables", &error))?.get(0) {
            return Ok(());
        }
        let place = self.config.place();
        let detail =
            format!("{place}: another import is under way; wait until it has ended").into();
        Err(StoreError::Unavailable { detail })
    }

    async fn mark(&self) -> Result<(), StoreError> {
        let failed = |error| io("looking at the tables", &error);
        let sql = "SELECT format < 0 FROM store FOR UPDATE";
        let row = self.client.query_typed_one(sql, &[]).await.map_err(failed)?;
        let is_unfinished: bool = row.get(0);
        if !is_unfinished {
            // Who is refused has fenced nobody.
            self.check_empty().await?;
        }
        self.run("DELETE FROM fences").await?;
        if !is_unfinished {
            // From here on no node that served can write any more.
            self.check_empty().await?;
        }
        self.run(&format!("{CLEAR}; UPDATE store SET format = -abs(format)")).await
    }

    async fn check_empty(&self) -> Result<(), StoreError> {
        let sql = "(SELECT type || '/' || key FROM actors LIMIT 1) \
             UNION ALL (SELECT 'the feed ' || feed FROM stripes LIMIT 1)";
        let rows = self.client.query_typed(sql, &[]).await;
        let rows = rows.map_err(|error| io("looking at the tables", &error))?;
        let Some(found) = rows.first() else { return Ok(()) };
        let (found, place): (&str, _) = (found.get(0), self.config.place());
        let detail = format!("it has {found} already; import into a store that has nothing").into();
        Err(StoreError::Io { doing: format!("importing into {place}").into(), detail })
    }

    async fn run(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.client.batch_execute(sql).await;
        done.map_err(|error| io("changing the tables", &error))
    }
}

/// Removes everything that actors left.
const CLEAR: &str = "TRUNCATE actors, rows, journal, stripes, entries";

use std::sync::Arc;

use tenure_protocol::view::membership::Lost;
use tenure_protocol::view::table::{TableAnswer, TableRequest};
use tenure_store::Store;
use tenure_store_dev::DevClient;
use tenure_store_postgres::{PostgresConfig, PostgresStore, PostgresTable};
use tenure_types::{BoxFuture, NodeId};

use crate::{Error, Result};

/// What the nodes of a cluster agree by, and keep their actors in.
pub(super) enum Agreement {
    /// The process that started this one has both.
    Local(DevClient),
    /// A database alone: who is a member they tell each other.
    Alone { store: Arc<PostgresStore> },
    /// A database.
    Database { store: Arc<PostgresStore>, table: PostgresTable },
}

impl Agreement {
    /// Over a database whose member table is this cluster's.
    ///
    /// # Errors
    /// [`Error::Start`] where it is not, or is not reached.
    pub(super) async fn on(database: &PostgresConfig, cluster: &str, terms: &str) -> Result<Self> {
        let table = PostgresTable::new(database.clone(), cluster, terms);
        table.check().await.map_err(|error| Error::Start(Error::chain(&error)))?;
        Ok(Self::Database { store: Arc::new(PostgresStore::new(database.clone())), table })
    }

    /// The same where nodes have no member table: this cluster's, if it had one, has no member that lives. Former runs of
    /// this node are fenced when it joins.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn without_table(
        database: &PostgresConfig,
        (cluster, node): (&str, &NodeId),
        terms: &str,
    ) -> Result<Self> {
        Self::on(database, cluster, terms).await?;
        let store = PostgresStore::of_node(database.clone(), cluster, node);
        Ok(Self::Alone { store: Arc::new(store) })
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Local(client) => Arc::new(client.store()),
            Self::Database { store, .. } | Self::Alone { store } => {
                Arc::clone(store) as Arc<dyn Store>
            }
        }
    }

    pub(super) fn ask(
        &self,
        request: TableRequest,
    ) -> BoxFuture<'static, std::result::Result<TableAnswer, Lost>> {
        match self {
            Self::Local(client) => {
                let table = client.table();
                Box::pin(async move { table.ask(request).await })
            }
            Self::Database { table, .. } => table.ask(request),
            Self::Alone { .. } => Box::pin(std::future::ready(Err(Lost))),
        }
    }

    /// The node has left.
    pub(super) async fn close(&self) {
        match self {
            Self::Local(client) => client.close().await,
            Self::Database { .. } | Self::Alone { .. } => {}
        }
    }

    /// What to look at where nobody answers.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Local(_) => "is its host there, and was it given this run's seat?",
            Self::Database { .. } => "is the database there, and does it take writes?",
            Self::Alone { .. } => {
                "is the database there, do cluster.seeds or cluster.nodes name the others, do datagrams reach \
                 them, and are there as many as static_quorum(N) asks for?"
            }
        }
    }
}

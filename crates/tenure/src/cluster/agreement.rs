use std::sync::Arc;
use std::time::Duration;

use tenure_protocol::view::membership::Lost;
#[cfg(feature = "etcd")]
use tenure_protocol::view::table::TableAction;
use tenure_protocol::view::table::{TableAnswer, TableRequest};
use tenure_store::Store;
use tenure_store_dev::DevClient;
use tenure_store_postgres::{PostgresConfig, PostgresStore, PostgresTable};
use tenure_table_etcd::EtcdConfig;
#[cfg(feature = "etcd")]
use tenure_table_etcd::EtcdTable;
use tenure_types::{BoxFuture, NodeId};
#[cfg(feature = "etcd")]
use tenure_types::{Incarnation, ViewNumber};

use crate::{Error, Result};

/// What the nodes of a cluster agree by, and keep their actors in.
pub(super) enum Agreement {
    /// The process that started this one has both.
    Local(DevClient),
    /// A database alone: who is a member they tell each other.
    Alone { store: Arc<PostgresStore> },
    /// A database.
    Database { store: Arc<PostgresStore>, table: PostgresTable },
    /// A database, and an etcd with the member table.
    #[cfg(feature = "etcd")]
    Beside { store: Arc<PostgresStore>, table: Arc<EtcdTable> },
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

    /// Over a database, with the member table in etcd. That of the database, if it is of this cluster, has no member that
    /// lives. An answer of etcd is waited for as long as `patience`.
    ///
    /// # Errors
    /// As above, of both.
    #[cfg(feature = "etcd")]
    pub(super) async fn beside(
        (database, table): (&PostgresConfig, &EtcdConfig),
        cluster: &str,
        terms: &str,
        patience: Duration,
    ) -> Result<Self> {
        let elsewhere = format!("a member table in {}", table.place());
        Self::on(database, cluster, &elsewhere).await?;
        let table = EtcdTable::new(table.clone(), cluster, terms, patience);
        table.check().await.map_err(|error| Error::Start(Error::chain(&error)))?;
        let store = Arc::new(PostgresStore::new(database.clone()));
        Ok(Self::Beside { store, table: Arc::new(table) })
    }

    /// # Errors
    /// This program cannot.
    #[cfg(not(feature = "etcd"))]
    #[expect(clippy::unused_async, reason = "with etcd it connects")]
    pub(super) async fn beside(
        (_, table): (&PostgresConfig, &EtcdConfig),
        _: &str,
        _: &str,
        _: Duration,
    ) -> Result<Self> {
        let what = format!(
            "cluster.table is {}, and this program was built without etcd: build it with the feature etcd of \
             the crate tenure, or leave cluster.table out",
            table.place()
        );
        Err(Error::Start(what.into()))
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
            #[cfg(feature = "etcd")]
            Self::Beside { store, .. } => Arc::clone(store) as Arc<dyn Store>,
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
            #[cfg(feature = "etcd")]
            Self::Beside { store, table } => {
                let (store, table) = (Arc::clone(store), Arc::clone(table));
                Box::pin(async move {
                    // Whoever joins has an incarnation that the store never saw; the table does not have them.
                    let past = match request.action {
                        TableAction::Join { .. } => store.next_incarnation().await.map_err(|error| {
                            tracing::debug!(%error, "the store has not said which incarnations there were");
                            Lost
                        })?,
                        _ => Incarnation(0),
                    };
                    table.ask(request, ViewNumber(past.0)).await
                })
            }
            Self::Alone { .. } => Box::pin(std::future::ready(Err(Lost))),
        }
    }

    /// The node has left.
    pub(super) async fn close(&self) {
        match self {
            Self::Local(client) => client.close().await,
            Self::Database { .. } | Self::Alone { .. } => {}
            #[cfg(feature = "etcd")]
            Self::Beside { .. } => {}
        }
    }

    /// What to look at where nobody answers.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Local(_) => "is its host there, and was it given this run's seat?",
            Self::Database { .. } => "is the database there, and does it take writes?",
            #[cfg(feature = "etcd")]
            Self::Beside { .. } => "are the database and etcd there, and do both take writes?",
            Self::Alone { .. } => {
                "is the database there, do cluster.seeds or cluster.nodes name the others, do datagrams reach \
                 them, and are there as many as static_quorum(N) asks for?"
            }
        }
    }
}

//! A database of a test, and the stores in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tenure_postgres_server::PostgresServer;
use tenure_store::RowKey;
use tenure_store::row::beside::{kind_of, write_name};
use tenure_types::{ActorId, BoxFuture};

use crate::{PostgresConfig, migrate};

/// How long a test waits for something.
pub(super) const COME_MAX: Duration = Duration::from_secs(60);
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A server of the test, in which each store has a schema of its own.
#[derive(Clone)]
pub(super) struct Database {
    pub(super) server: Arc<PostgresServer>,
    schemas: Arc<AtomicU32>,
}

impl Database {
    pub(super) fn start() -> Self {
        let server = PostgresServer::start().unwrap_or_else(|error| panic!("{error}"));
        Self { server: Arc::new(server), schemas: Arc::default() }
    }

    /// The configuration of a new store, whose tables are there.
    pub(super) fn config(&self) -> PostgresConfig {
        let config = self.empty();
        let made = config.clone();
        wait(Box::pin(async move { migrate(&made, 4).await })).expect("the tables are made");
        config
    }

    /// The configuration of a new store without tables.
    pub(super) fn empty(&self) -> PostgresConfig {
        let schema = self.schemas.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}?schema=s{schema}", self.server.url());
        url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// The same store, reached over another port.
    pub(super) fn through(&self, config: &PostgresConfig, port: u16) -> PostgresConfig {
        let own = format!(":{}/", self.server.port());
        let url = self.server.url().replace(&own, &format!(":{port}/"));
        let url = format!("{url}?schema={}", config.schema);
        url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// Runs statements in the schema of `config`.
    pub(super) fn sql(&self, config: &PostgresConfig, sql: &str) -> String {
        let sql = format!("SET search_path TO {}; {sql}", config.schema);
        self.server.psql(&sql).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Changes a byte of what is stored.
    pub(super) fn damage(&self, config: &PostgresConfig, actor: &ActorId, key: Option<&RowKey>) {
        let (type_name, name) = (actor.actor_type.as_str(), actor.key.as_str().replace('\'', "''"));
        let owner = format!("type = '{type_name}' AND key = '{name}'");
        let flip =
            |column: &str| format!("{column} = set_byte({column}, 30, get_byte({column}, 30) # 1)");
        let sql = match key {
            None => format!("UPDATE actors SET {} WHERE {owner}", flip("head")),
            Some(RowKey::Journal(seq)) => {
                format!("UPDATE journal SET {} WHERE {owner} AND seq = {seq}", flip("body"))
            }
            Some(key) => {
                let mut bytes = Vec::new();
                write_name(key, &mut bytes);
                let is_named = matches!(key, RowKey::Outcome(_) | RowKey::Reminder(_));
                let name: String = if is_named { hex(&bytes[1..]) } else { String::new() };
                format!(
                    "UPDATE rows SET {} WHERE {owner} AND kind = {} AND name = '\\x{name}'",
                    flip("body"),
                    kind_of(key),
                )
            }
        };
        let changed = self.sql(config, &format!("{sql} RETURNING 1"));
        assert_eq!(changed.trim(), "1", "one row was damaged: {sql}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits for something that must come to be.
pub(super) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let (began, mut looks) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
    while !is() {
        assert!(began.elapsed() < COME_MAX, "not in {COME_MAX:?}: {what}");
        looks.tick().await;
    }
}

/// Runs a future to its end, from anywhere.
pub(super) fn wait<T: Send + 'static>(work: BoxFuture<'static, T>) -> T {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("there is a thread").block_on(work)
    });
    thread.join().expect("it does not panic")
}

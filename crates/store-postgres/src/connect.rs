use std::time::Duration;

use tenure_store::StoreError;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};

use crate::failure::{io, why_not};
use crate::{PostgresConfig, hosts, tls};

/// How long a statement waits for a lock: only for batches of earlier incarnations.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the server keeps a transaction whose client says nothing: ours never do.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a host may take to let a connection in, greetings and settings included.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens a connection that the server lists as `name`. Its task is on the calling runtime.
pub(crate) async fn connect(config: &PostgresConfig, name: &str) -> Result<Client, StoreError> {
    let mut reasons = Vec::new();
    for (host, mut server) in hosts::each(&config.server) {
        server.application_name(name);
        let reason = match timeout(HELLO_TIMEOUT, greet(config, &server)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(Refused::Here(error))) => return Err(error),
            Ok(Err(Refused::There(error))) => why_not(&error),
            Err(_) => format!("it has not answered in {HELLO_TIMEOUT:?}; see the server's log"),
        };
        reasons.push((host, reason));
    }
    let detail = match &reasons[..] {
        [(_, reason)] => reason.clone(),
        _ => reasons
            .iter()
            .map(|(host, reason)| format!("{host}: {reason}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let doing = format!("connecting to {}", config.place()).into();
    Err(StoreError::Io { doing, detail: detail.into() })
}

/// Why there is no connection: what is wrong here, or with one server.
enum Refused {
    Here(StoreError),
    There(tokio_postgres::Error),
}

async fn greet(config: &PostgresConfig, server: &Config) -> Result<Client, Refused> {
    let client = if config.has_tls {
        let tls = tls::connector(config).map_err(Refused::Here)?;
        let (client, connection) = server.connect(tls).await.map_err(Refused::There)?;
        tokio::spawn(connection);
        client
    } else {
        let (client, connection) = server.connect(NoTls).await.map_err(Refused::There)?;
        tokio::spawn(connection);
        client
    };
    let settings = settings(config);
    client.batch_execute(&settings).await.map_err(Refused::There)?;
    Ok(client)
}

/// The statements are written for look-ups by key, whatever the server believes of the size of its
/// tables; plans are made once a connection.
fn settings(config: &PostgresConfig) -> String {
    format!(
        "SET search_path TO \"{}\"; SET statement_timeout TO {}; SET lock_timeout TO {}; \
         SET idle_in_transaction_session_timeout TO {}; SET jit TO off; \
         SET default_transaction_isolation TO 'read committed'; \
         SET plan_cache_mode TO force_generic_plan; SET enable_seqscan TO off; \
         SET enable_mergejoin TO off; SET random_page_cost TO 0.01; SET client_min_messages TO warning; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        config.schema,
        config.statement_timeout.as_millis(),
        LOCK_TIMEOUT.as_millis(),
        IDLE_TIMEOUT.as_millis(),
    )
}

/// Refuses a server that would break promises, and names what weakens them.
pub(crate) async fn check(client: &Client, config: &PostgresConfig) -> Result<(), StoreError> {
    const SETTINGS: &str = "SELECT current_setting('server_version_num')::integer, \
        current_setting('server_encoding'), current_setting('fsync'), \
        current_setting('full_page_writes'), pg_is_in_recovery(), \
        current_setting('default_transaction_read_only'), \
        current_setting('synchronous_standby_names'), \
        (SELECT count(*) FROM pg_stat_replication)";
    let place = config.place();
    let row = client
        .query_typed_one(SETTINGS, &[])
        .await
        .map_err(|error| io("reading the server's settings", &error))?;
    let refused =
        |detail: String| StoreError::Unavailable { detail: format!("{place}: {detail}").into() };
    let version: i32 = row.get(0);
    if version < 130_000 {
        let major = version / 10_000;
        return Err(refused(format!("PostgreSQL {major} is too old; use 13 or newer")));
    }
    let encoding: &str = row.get(1);
    if encoding != "UTF8" {
        return Err(refused(format!(
            "the database is encoded in {encoding}; make one with ENCODING 'UTF8'"
        )));
    }
    if row.get::<_, &str>(2) == "off" {
        return Err(refused(
            "the server runs with fsync = off and loses what it acknowledged when the machine \
             stops; set fsync = on"
                .to_owned(),
        ));
    }
    if row.get(4) {
        return Err(refused(
            "the server is a replica and takes no writes; name the primary, or both as \
             postgres://one:5432,two:5432/.."
                .to_owned(),
        ));
    }
    if row.get::<_, &str>(5) == "on" {
        let detail = "transactions are read-only by default (default_transaction_read_only = on)";
        return Err(refused(detail.to_owned()));
    }
    if row.get::<_, &str>(3) == "off" {
        tracing::warn!(
            place,
            "the server runs with full_page_writes = off: a power cut can damage what is stored \
             where the disk does not write whole pages"
        );
    }
    if row.get::<_, i64>(7) > 0 && row.get::<_, &str>(6).is_empty() {
        tracing::warn!(
            place,
            "the server's replicas are asynchronous (synchronous_standby_names is empty): one \
             that is promoted can lack turns that were acknowledged"
        );
    }
    Ok(())
}

//! Durable turns and loads on PostgreSQL, and what a good client does with the same server without
//! actors. The server is that of the whole run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tenure::Node;
use tenure_store_postgres::{PostgresConfig, PostgresStore};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_postgres::{Client, NoTls, Statement};

use super::actors::{Note, Saved};
use super::load_rows::each_once;
use super::setting::{Setting, callers_runtime, keys, spawn_on};
use crate::load;
use crate::report::{RATE, Report};

/// The variable that names the server.
pub(crate) const SERVER: &str = "BENCH_POSTGRES";
/// How many connections the client has that commits each call by itself.
const POOL: usize = 32;
/// How many rows a batch of the server's own best has, and how many connections insert them.
const BATCH: usize = 1_024;
const INSERTERS: usize = 2;
const WRITERS: usize = 1_024;
const STOP_BUDGET: Duration = Duration::from_secs(30);

/// Durable turns on `actors` by `callers`.
pub(crate) fn turns(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let node = node(&runtime, 64)?;
    let keys = keys(actors);
    each_once(&runtime, &node, actors, 64, |node, keys, at| async move {
        node.actor::<Saved>(keys[at].as_str()).get().await.expect("an actor is loaded");
    })?;
    let mut done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let (node, keys) = (node.clone(), Arc::clone(&keys));
        Box::pin(async move {
            while caller.goes_on() {
                let began = Instant::now();
                let key = keys[caller.pick(keys.len())].as_str();
                node.actor::<Saved>(key).add(1).await.expect("a durable turn");
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// One transaction a call: a row is read, changed and given back by one prepared statement.
pub(crate) fn each(actors: usize, callers: usize, setting: &Setting) -> anyhow::Result<Report> {
    const UPDATE: &str = "INSERT INTO each AS e (key, value) VALUES ($1, $2) \
        ON CONFLICT (key) DO UPDATE SET value = e.value + EXCLUDED.value RETURNING value";
    let runtime = callers_runtime()?;
    let made = "CREATE TABLE IF NOT EXISTS each (key text PRIMARY KEY, value bigint NOT NULL) \
        WITH (fillfactor = 80)";
    let pool: Vec<(Client, Statement)> = runtime.block_on(async {
        let mut pool = Vec::new();
        for n in 0..POOL {
            let client = connect().await?;
            if n == 0 {
                client.batch_execute(made).await?;
            }
            let statement = client.prepare(UPDATE).await?;
            pool.push((client, statement));
        }
        anyhow::Ok(pool)
    })?;
    let (pool, keys) = (Arc::new(pool), keys(actors));
    let free: Arc<Vec<Semaphore>> = Arc::new((0..POOL).map(|_| Semaphore::new(1)).collect());
    let mut done = load::run(callers, setting.span(), spawn_on(&runtime), |mut caller| {
        let (pool, keys, free) = (Arc::clone(&pool), Arc::clone(&keys), Arc::clone(&free));
        Box::pin(async move {
            while caller.goes_on() {
                let began = Instant::now();
                let key = keys[caller.pick(keys.len())].as_str();
                let at = caller.index % POOL;
                let permit = free[at].acquire().await.expect("it is never closed");
                let (client, statement) = &pool[at];
                let row = client.query_one(statement, &[&key, &1_i64]).await.expect("it commits");
                let _: i64 = row.get(0);
                drop(permit);
                caller.note(began);
            }
            caller.end();
        })
    });
    Ok(Report::of_load(&done).and_latencies(&mut done.latencies))
}

/// The server's own best: rows of the size of an actor's head, inserted a thousand at a time.
pub(crate) fn batched(setting: &Setting) -> anyhow::Result<Report> {
    const INSERT: &str = "INSERT INTO batched SELECT * FROM unnest($1::text[], $2::bytea[])";
    let runtime = callers_runtime()?;
    let made = "DROP TABLE IF EXISTS batched; \
        CREATE TABLE batched (key text PRIMARY KEY, body bytea NOT NULL)";
    let clients: Vec<(Client, Statement)> = runtime.block_on(async {
        connect().await?.batch_execute(made).await?;
        let mut clients = Vec::new();
        for _ in 0..INSERTERS {
            let client = connect().await?;
            let statement = client.prepare(INSERT).await?;
            clients.push((client, statement));
        }
        anyhow::Ok(clients)
    })?;
    let clients = Arc::new(clients);
    let done = load::run(INSERTERS, setting.span(), spawn_on(&runtime), |mut caller| {
        let clients = Arc::clone(&clients);
        Box::pin(async move {
            let body = [7_u8; 85];
            let bodies = vec![&body[..]; BATCH];
            let mut next = 0;
            while caller.goes_on() {
                let keys: Vec<String> =
                    (0..BATCH).map(|n| format!("k{}-{}", caller.index, next + n)).collect();
                next += BATCH;
                let (client, statement) = &clients[caller.index];
                client.execute(statement, &[&keys, &bodies]).await.expect("it commits");
            }
            caller.end();
        })
    });
    Ok(Report::of(RATE, done.rate() * BATCH as f64))
}

/// Stores `count` actors of 100 bytes, for the cases that load them.
pub(crate) fn prepare(count: usize) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let node = node(&runtime, 64)?;
    let began = Instant::now();
    each_once(&runtime, &node, count, WRITERS, |node, keys, at| async move {
        let text = format!("{at:0100}");
        node.actor::<Note>(keys[at].as_str()).write(text).await.expect("a note is stored");
    })?;
    let seconds = began.elapsed().as_secs_f64();
    runtime.block_on(node.stop(STOP_BUDGET))?;
    Ok(Report::of(RATE, count as f64 / seconds))
}

/// Calls every stored actor once on a node that has just started, with so many in a statement.
pub(crate) fn load(count: usize, callers: usize, actors_max: usize) -> anyhow::Result<Report> {
    let runtime = callers_runtime()?;
    let node = node(&runtime, actors_max)?;
    let began = Instant::now();
    each_once(&runtime, &node, count, callers, |node, keys, at| async move {
        let note = node.actor::<Note>(keys[at].as_str());
        assert_eq!(note.bytes().await.expect("an actor is loaded"), 100, "the note was stored");
    })?;
    let seconds = began.elapsed().as_secs_f64();
    runtime.block_on(node.stop(STOP_BUDGET))?;
    Ok(Report::of(RATE, count as f64 / seconds))
}

fn url() -> anyhow::Result<String> {
    std::env::var(SERVER).with_context(|| format!("{SERVER} does not name the server"))
}

fn node(runtime: &Runtime, load_actors_max: usize) -> anyhow::Result<Node> {
    let mut config: PostgresConfig = url()?.parse()?;
    config.load_actors_max = load_actors_max;
    let store = Arc::new(PostgresStore::new(config));
    let builder = Node::builder().actor::<Saved>().actor::<Note>().store(store);
    Ok(runtime.block_on(builder.start())?)
}

/// A connection of a client without actors.
async fn connect() -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(&url()?, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

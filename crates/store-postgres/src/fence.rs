//! Who may commit: opening and fencing.

use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use tenure_store::StoreError;
use tenure_types::Incarnation;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use crate::PostgresConfig;
use crate::connect::{check, connect};
use crate::failure::io;
use crate::link::Link;
use crate::schema::required;

/// How often a node looks whether it was fenced. Tests need not wait.
const LOOK_EVERY: Duration =
    if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(1) };

/// What an opening was given.
pub(crate) struct Opened {
    pub(crate) store: u64,
    pub(crate) incarnation: Incarnation,
}

/// Hands out the next incarnation and fences all before it. `holder` is who opens, and `last` what it
/// was given before, unless it closed that.
///
/// # Errors
/// What is wrong with the server or the tables; nothing was handed out, or nobody heard of it.
/// [`StoreError::Unavailable`] where somebody else has opened the store since.
pub(crate) async fn open(
    config: &PostgresConfig,
    holder: &str,
    last: Option<Incarnation>,
) -> Result<Opened, StoreError> {
    let client = connect(config, "tenure open").await?;
    answered(config, check(&client, config)).await?;
    let found = answered(config, required(&client, config)).await?;
    if last.is_some_and(|last| found.incarnation > last.0) {
        answered(config, check_holder(&client, config, holder)).await?;
    }
    let last_lane = config.lanes.max(1) - 1;
    // One message, and so one transaction, whose statements each see what is there when they begin:
    // the first one lets one opening at a time pass.
    let sql = format!(
        "UPDATE store SET incarnation = incarnation + 1, holder = '{holder}'; DELETE FROM fences; \
         INSERT INTO fences SELECT s.incarnation, l.n FROM store AS s, \
         generate_series(0, {last_lane}) AS l (n); DELETE FROM runs; \
         INSERT INTO runs SELECT incarnation, holder, true, false FROM store; \
         SELECT incarnation FROM store"
    );
    let lanes = format!("{}%", lane_prefix(found.id));
    let answer = past_batches(&client, config, &lanes, &sql).await?;
    Ok(Opened { store: found.id, incarnation: number_in(config, &answer)? })
}

/// Hands out the next incarnation to a run that will join as it, and fences nobody. The member table goes on
/// above it, so that a cluster which has one again never hands out the same.
///
/// # Errors
/// What is wrong with the server or the tables; a number may be lost.
pub(crate) async fn number(config: &PostgresConfig) -> Result<Incarnation, StoreError> {
    let client = connect(config, "tenure number").await?;
    answered(config, check(&client, config)).await?;
    answered(config, required(&client, config)).await?;
    // One message, and so one transaction.
    let sql = "UPDATE store SET incarnation = greatest(incarnation, (SELECT number FROM view)) + 1; \
               UPDATE view SET number = greatest(number, (SELECT incarnation FROM store)); \
               SELECT incarnation FROM store";
    let answer = answered(config, async { Ok(client.simple_query(sql).await) }).await?;
    number_in(config, &answer.map_err(|error| io("handing out an incarnation", &error))?)
}

/// The one number that an answer has.
fn number_in(
    config: &PostgresConfig,
    answer: &[SimpleQueryMessage],
) -> Result<Incarnation, StoreError> {
    let number = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    number.map(Incarnation).ok_or_else(|| StoreError::Corrupt {
        what: format!("the table store of {}", config.place()).into(),
        detail: "its incarnation cannot be read; restore a backup".into(),
    })
}

/// Lets `incarnation` commit beside others; `holder` is who joins.
///
/// # Errors
/// [`StoreError::Unavailable`] where it was fenced or is used by another run; others where the server
/// refuses. Nothing was changed, or nobody heard of it.
pub(crate) async fn join(
    config: &PostgresConfig,
    holder: &str,
    incarnation: Incarnation,
) -> Result<Opened, StoreError> {
    let client = connect(config, "tenure join").await?;
    answered(config, check(&client, config)).await?;
    let found = answered(config, required(&client, config)).await?;
    let last_lane = config.lanes.max(1) - 1;
    // One message, as an opening: the first statement lets one who opens, joins or fences pass.
    let sql = format!(
        "UPDATE store SET incarnation = greatest(incarnation, {incarnation}); \
         INSERT INTO runs SELECT {incarnation}, '{holder}', false, false WHERE {incarnation} > \
         coalesce((SELECT max(incarnation) FROM runs WHERE alone), 0) ON CONFLICT DO NOTHING; \
         INSERT INTO fences SELECT r.incarnation, l.n FROM runs AS r, \
         generate_series(0, {last_lane}) AS l (n) WHERE r.incarnation = {incarnation} \
         AND r.holder = '{holder}' AND NOT r.fenced ON CONFLICT DO NOTHING; \
         SELECT holder, fenced FROM runs WHERE incarnation = {incarnation} AND NOT alone"
    );
    let lanes = lane_name(found.id, incarnation);
    let answer = past_batches(&client, config, &lanes, &sql).await?;
    let run = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0)?, row.get(1)?)),
        _ => None,
    });
    let place = config.place();
    let refused = match run {
        Some((of, "f")) if of == holder => {
            return Ok(Opened { store: found.id, incarnation });
        }
        Some((_, "t")) => format!("incarnation {incarnation} of {place} was fenced"),
        Some((of, _)) => format!("incarnation {incarnation} of {place} is used by {of} already"),
        None => format!(
            "{place} was opened since by one node alone, or {incarnation} is no incarnation"
        ),
    };
    Err(StoreError::Unavailable { detail: refused.into() })
}

/// Fences the runs before `incarnation` whose holders begin with `node`: it is the later run of that node, and they are over
/// or must end. Incarnations of one node are in order, so no two of its runs fence each other.
///
/// # Errors
/// Some may stand; it may be repeated.
pub(crate) async fn fence_former(
    config: &PostgresConfig,
    node: &str,
    incarnation: Incarnation,
) -> Result<(), StoreError> {
    let client = connect(config, "tenure fence").await?;
    let sql = "SELECT incarnation FROM runs WHERE incarnation < $1 AND starts_with(holder, $2) \
               AND NOT fenced ORDER BY incarnation";
    let own = incarnation.0 as i64;
    let rows = answered(config, async {
        Ok(client.query_typed(sql, &[(&own, Type::INT8), (&node, Type::TEXT)]).await)
    });
    let rows = rows.await?.map_err(|error| io("reading the table runs", &error))?;
    for row in rows {
        let former = Incarnation(row.get::<_, i64>(0) as u64);
        tracing::info!(%former, "a former run of this node is fenced");
        fence(config, former).await?;
    }
    Ok(())
}

/// Refuses what was opened by somebody else than `holder`.
async fn check_holder(
    client: &Client,
    config: &PostgresConfig,
    holder: &str,
) -> Result<(), StoreError> {
    let row = client.query_typed_one("SELECT holder, incarnation FROM store", &[]).await;
    let row = row.map_err(|error| io("reading the table store", &error))?;
    let (other, incarnation): (&str, i64) = (row.get(0), row.get(1));
    if other == holder {
        return Ok(());
    }
    let detail = format!(
        "{} was opened by {other} since, as incarnation {incarnation}, and is not taken back; stop \
         one of the two",
        config.place()
    );
    Err(StoreError::Unavailable { detail: detail.into() })
}

/// Who opens, for people and to know oneself by: never the same twice.
pub(crate) fn new_holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.chars().filter(|it| it.is_ascii_alphanumeric() || "-.".contains(*it)).collect();
    let number = std::hash::RandomState::new().hash_one(std::process::id());
    format!("process {} on {host} ({number:016x})", std::process::id())
}

/// Waits until `incarnation` has no fence any more, and says why.
pub(crate) async fn fallen(link: &Link, incarnation: Incarnation) -> Box<str> {
    let own = incarnation.0 as i64;
    let sql =
        "SELECT s.holder, EXISTS (SELECT 1 FROM fences WHERE incarnation = $1) FROM store AS s";
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // While the database is not reached nothing is known.
        let Ok(rows) = link.read("looking at the fence", sql, &[&own]).await else { continue };
        if let Some(row) = rows.iter().find(|row| !row.get::<_, bool>(1)) {
            let holder: &str = row.get(0);
            return format!(
                "incarnation {incarnation} was fenced; {holder:?} opened the store last"
            )
            .into();
        }
    }
}

/// What a reader is given; `None` where there are no tables.
pub(crate) async fn open_to_read(config: &PostgresConfig) -> Result<Option<Opened>, StoreError> {
    let client = connect(config, "tenure read").await?;
    let found = answered(config, crate::schema::found_current(&client, config)).await?;
    let opened = |found: crate::schema::Found| Opened {
        store: found.id,
        incarnation: Incarnation(found.incarnation),
    };
    Ok(found.map(opened))
}

/// Fences one incarnation: when this returns, none of its batches can become visible any more.
///
/// # Errors
/// Whether the fence stands is then not known.
pub(crate) async fn fence(
    config: &PostgresConfig,
    incarnation: Incarnation,
) -> Result<(), StoreError> {
    let client = connect(config, "tenure fence").await?;
    let found = answered(config, required(&client, config)).await?;
    let sql = format!(
        "UPDATE store SET incarnation = greatest(incarnation, {incarnation}); \
         INSERT INTO runs VALUES ({incarnation}, '', false, true) \
         ON CONFLICT (incarnation) DO UPDATE SET fenced = true; \
         DELETE FROM fences WHERE incarnation = {incarnation}"
    );
    past_batches(&client, config, &lane_name(found.id, incarnation), &sql).await.map(drop)
}

/// What the connections that commit are listed as.
pub(crate) fn lane_name(store: u64, incarnation: Incarnation) -> String {
    format!("{}{incarnation}", lane_prefix(store))
}

fn lane_prefix(store: u64) -> String {
    format!("tenure {store:x} lane ")
}

/// Runs what waits for batches that are under way. One that does not end in time, because its client
/// stopped in the middle of it, is ended by the server.
async fn past_batches(
    client: &Client,
    config: &PostgresConfig,
    lanes: &str,
    sql: &str,
) -> Result<Vec<SimpleQueryMessage>, StoreError> {
    let began = Instant::now();
    loop {
        let fenced = answered(config, async { Ok(client.simple_query(sql).await) });
        match fenced.await? {
            Ok(answer) => return Ok(answer),
            Err(error) if is_kept_waiting(&error) && began.elapsed() < config.fence_timeout => {
                let ended = answered(config, end_lanes(client, lanes)).await?;
                tracing::warn!(ended, "connections in the middle of a batch were ended");
            }
            Err(error) => return Err(io("fencing earlier incarnations", &error)),
        }
    }
}

/// Waits for a server that may have stopped in the middle, or whose commit waits for its replica.
async fn answered<T>(
    config: &PostgresConfig,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let waited = config.answer_timeout();
    timeout(waited, work).await.unwrap_or_else(|_| {
        let detail = format!(
            "the server has not answered in {waited:?}; see whether it is stopped, or waits for a \
             synchronous replica"
        );
        Err(StoreError::Io { doing: "opening or fencing the store".into(), detail: detail.into() })
    })
}

fn is_kept_waiting(error: &Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::LOCK_NOT_AVAILABLE) || code == Some(&SqlState::QUERY_CANCELED)
}

/// Ends the connections named like `lanes`, which may hold a fence, and counts them.
async fn end_lanes(client: &Client, lanes: &str) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND application_name LIKE '{lanes}'"
    );
    let row = client.query_typed_one(&sql, &[]).await;
    Ok(row.map_err(|error| io("ending connections that hold a fence", &error))?.get(0))
}

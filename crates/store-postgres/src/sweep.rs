//! Removes what deleted actors left, a little at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_store::StoreError;

use crate::reads::number;
use crate::serving::Serving;

/// How often something is removed while there is something.
/// Tests sweep all the time, so that it meets everything else.
const EVERY: Duration = if cfg!(test) { Duration::from_millis(2) } else { Duration::from_secs(1) };
/// How many of those moments pass before it is looked again where there was nothing.
const REST: u32 = 30;
/// How many actors, and rows of each, are looked at a time.
const SWEEP_ACTORS_MAX: i64 = 64;
const SWEEP_ROWS_MAX: i64 = 1_000;

/// Sweeps until nothing is taken any more.
pub(crate) async fn run(serving: Arc<Serving>) {
    let mut rest = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        if serving.queue.refusal().is_some() {
            return;
        }
        let was_told = serving.has_deleted.swap(false, Ordering::Relaxed);
        rest = if was_told { 0 } else { rest.max(1) - 1 };
        if rest > 0 {
            continue;
        }
        match sweep(&serving).await {
            Ok(true) => serving.has_deleted.store(true, Ordering::Relaxed),
            Ok(false) => rest = REST,
            Err(error) => {
                tracing::warn!(%error, "what deleted actors left could not be removed");
                rest = REST;
            }
        }
    }
}

/// Removes a little; `true` where there may be more.
async fn sweep(serving: &Serving) -> Result<bool, StoreError> {
    let link = &serving.reads;
    let dying = "SELECT type, key, born FROM actors WHERE dying ORDER BY type, key LIMIT $1";
    let doing = "removing what deleted actors left";
    let dying = link.read(doing, dying, &[&SWEEP_ACTORS_MAX]).await?;
    for row in &dying {
        let (type_name, key, born): (&str, &str, i64) = (row.get(0), row.get(1), row.get(2));
        // A row of the same name that a new life puts meanwhile has a higher version, and stays.
        let sql = "WITH old_rows AS (DELETE FROM rows WHERE version <= $3 \
                AND (type, key, kind, seq, name) IN ( \
                SELECT r.type, r.key, r.kind, r.seq, r.name FROM rows AS r \
                WHERE r.type = $1 AND r.key = $2 AND r.version <= $3 LIMIT $4) RETURNING 1), \
            old_events AS (DELETE FROM journal WHERE version <= $3 \
                AND (type, key, seq) IN ( \
                SELECT j.type, j.key, j.seq FROM journal AS j \
                WHERE j.type = $1 AND j.key = $2 AND j.version <= $3 LIMIT $4) RETURNING 1) \
            SELECT (SELECT count(*) FROM old_rows) + (SELECT count(*) FROM old_events)";
        let gone = link.read(doing, sql, &[&type_name, &key, &born, &SWEEP_ROWS_MAX]).await?;
        if gone.first().is_some_and(|row| row.get::<_, i64>(0) == 0) {
            let sql = "UPDATE actors SET dying = false WHERE type = $1 AND key = $2 AND born = $3";
            link.read(doing, sql, &[&type_name, &key, &born]).await?;
        }
    }
    let now_ms = number(serving.now_ms.load(Ordering::Relaxed));
    // Who lives again meanwhile has no such time any more, and stays.
    let sql = "DELETE FROM actors WHERE kept_until_ms <= $1 AND NOT dying AND (type, key) IN ( \
         SELECT a.type, a.key FROM actors AS a WHERE a.kept_until_ms <= $1 AND NOT a.dying \
         ORDER BY a.kept_until_ms LIMIT $2) RETURNING 1";
    let gone = link.read(doing, sql, &[&now_ms, &SWEEP_ACTORS_MAX]).await?;
    Ok(!dying.is_empty() || gone.len() as i64 == SWEEP_ACTORS_MAX)
}

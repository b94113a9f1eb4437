//! The tables: made and changed on request, and looked at by every opening.

use tenure_store::StoreError;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::PostgresConfig;
use crate::connect::{check, connect};
use crate::failure::io;
use crate::sql::{MEMBERS, MOMENTS, READABLE, SCHEMA};

/// The format of the tables that this program knows.
pub const FORMAT: i32 = 3;
/// The most partitions of the journal and of feeds.
pub const PARTITIONS_MAX: u32 = 1_024;

/// What [`migrate`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The format that was there; `None` where there were no tables.
    pub from: Option<i32>,
    /// The format that is there now.
    pub to: i32,
}

/// Makes the tables in the configured schema, or brings older ones to the format of this program,
/// in one transaction. Of several at a time one works and the others wait for it.
///
/// With `partitions` above zero, journals and feeds are partitioned into that many by hash, and there are
/// functions and views for people who look at what is stored; zero is for databases that only speak
/// PostgreSQL's language.
///
/// # Errors
/// [`StoreError::Newer`] where the tables are of a newer program, others where the server refuses.
/// Nothing was changed.
///
/// # Cancel safety
/// Dropping the future leaves the tables as they were, or as they are to be.
///
/// # Panics
/// If `partitions` is above [`PARTITIONS_MAX`], or there is no tokio runtime.
pub async fn migrate(config: &PostgresConfig, partitions: u32) -> Result<Migrated, StoreError> {
    assert!(partitions <= PARTITIONS_MAX, "at most {PARTITIONS_MAX} partitions");
    let client = connect(config, "tenure migrate").await?;
    check(&client, config).await?;
    let failed = |error| io("making the tables", &error);
    let schema = &config.schema;
    // A message of its own: the bounds that hold when one begins hold to its end.
    let unbounded = "BEGIN; SET LOCAL lock_timeout TO 0; SET LOCAL statement_timeout TO 0; \
         SET LOCAL client_min_messages TO warning";
    client.batch_execute(unbounded).await.map_err(failed)?;
    let begin = format!(
        "SELECT pg_advisory_xact_lock(7306086973); CREATE SCHEMA IF NOT EXISTS \"{schema}\""
    );
    client.batch_execute(&begin).await.map_err(failed)?;
    let from = found(&client, config).await?.map(|found| found.format);
    let missing = match from {
        None => tables(partitions),
        Some(1) => [MEMBERS, MOMENTS].concat(),
        Some(2) => MOMENTS.to_owned(),
        Some(_) => String::new(),
    };
    client.batch_execute(&missing).await.map_err(failed)?;
    client.batch_execute("COMMIT").await.map_err(failed)?;
    Ok(Migrated { from, to: FORMAT })
}

/// The statements that make everything.
fn tables(partitions: u32) -> String {
    let mut made = [SCHEMA, MEMBERS].concat();
    for (table, by) in [("journal", "(type, key)"), ("entries", "(feed)")] {
        let mark = format!("/* partitioned by {by} */");
        if partitions == 0 {
            made = made.replace(&mark, "");
            continue;
        }
        made = made.replace(&mark, &format!("PARTITION BY HASH {by}"));
        for n in 0..partitions {
            made.push_str(&format!(
                "CREATE TABLE {table}_{n} PARTITION OF {table} \
                 FOR VALUES WITH (MODULUS {partitions}, REMAINDER {n});\n"
            ));
        }
    }
    if partitions > 0 {
        made.push_str(READABLE);
    }
    // Cursors carry the number: another store, or this one restored, has another.
    made.push_str(&format!(
        "INSERT INTO store (format, id, incarnation) \
         VALUES ({FORMAT}, (random() * 9007199254740991)::bigint, 0);\n"
    ));
    made
}

/// What the table `store` says.
pub(crate) struct Found {
    format: i32,
    pub(crate) id: u64,
    pub(crate) incarnation: u64,
}

/// Looks whether there are tables, and of which format.
///
/// # Errors
/// [`StoreError::Newer`] where they are of a newer program.
pub(crate) async fn found(
    client: &Client,
    config: &PostgresConfig,
) -> Result<Option<Found>, StoreError> {
    let failed = |error| io("reading the table store", &error);
    // Not in `information_schema`, which hides what the user may not read.
    let is_there = "SELECT EXISTS (SELECT 1 FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND c.relname = 'store')";
    let is_there: bool = client.query_typed_one(is_there, &[]).await.map_err(failed)?.get(0);
    if !is_there {
        return Ok(None);
    }
    let sql = "SELECT format, id, incarnation FROM store";
    let rows = match client.query_typed(sql, &[]).await {
        Ok(rows) => rows,
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_COLUMN) => {
            return Err(foreign(config));
        }
        Err(error) => return Err(failed(error)),
    };
    let [row] = &rows[..] else { return Err(damaged(config, "it does not have one row")) };
    let (Ok(format), Ok(id), Ok(incarnation)) =
        (row.try_get::<_, i32>(0), row.try_get::<_, i64>(1), row.try_get::<_, i64>(2))
    else {
        return Err(foreign(config));
    };
    if format < 0 && !config.is_filled {
        let place = config.place();
        let detail = format!(
            "{place}: an import into it was not finished; import again, or drop the schema"
        );
        return Err(StoreError::Unavailable { detail: detail.into() });
    }
    // Tables that are being filled have their format below zero.
    let format = format.checked_abs().unwrap_or(0);
    if format > FORMAT {
        let what = format!("the schema of {}", config.place());
        let detail =
            format!("its format is {format}, this program knows up to {FORMAT}; run the newer one");
        return Err(StoreError::Newer { what: what.into(), detail: detail.into() });
    }
    if format < 1 || incarnation < 0 {
        return Err(damaged(config, "it holds numbers that Tenure never writes"));
    }
    Ok(Some(Found { format, id: id as u64, incarnation: incarnation as u64 }))
}

/// As [`found`], of tables that must be there, and of the format of this program.
///
/// # Errors
/// Says how to make them where they are not.
pub(crate) async fn required(
    client: &Client,
    config: &PostgresConfig,
) -> Result<Found, StoreError> {
    let found = found_current(client, config).await?;
    found.ok_or_else(|| StoreError::Unavailable {
        detail: format!(
            "{} has no tables of Tenure yet; make them with `tenure store migrate`",
            config.place()
        )
        .into(),
    })
}

/// As [`found`], where there are tables of the format of this program.
///
/// # Errors
/// As above, and where they are of an older format.
pub(crate) async fn found_current(
    client: &Client,
    config: &PostgresConfig,
) -> Result<Option<Found>, StoreError> {
    let found = found(client, config).await?;
    let Some(older) = found.as_ref().filter(|it| it.format < FORMAT) else { return Ok(found) };
    let detail = format!(
        "the tables of {} are of an older Tenure: their format is {}, this program needs {FORMAT}; \
         bring them up to date with `tenure store migrate`",
        config.place(),
        older.format
    );
    Err(StoreError::Unavailable { detail: detail.into() })
}

/// Somebody else's table, or one that was changed by hand.
fn foreign(config: &PostgresConfig) -> StoreError {
    let what = format!("the table store of {}", config.place()).into();
    let detail = "its columns are not those of Tenure; name a schema of Tenure's own, as in \
         ?schema=tenure, or restore a backup";
    StoreError::Corrupt { what, detail: detail.into() }
}

fn damaged(config: &PostgresConfig, detail: &str) -> StoreError {
    let what = format!("the table store of {}", config.place()).into();
    StoreError::Corrupt { what, detail: format!("{detail}; restore a backup").into() }
}

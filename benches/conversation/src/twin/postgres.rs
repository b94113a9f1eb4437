//! The twin on PostgreSQL: one transaction a submission, then the reads, pipelined on the same connection.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use anyhow::Context;
use axum::http::StatusCode;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

use super::{Checked, Enter, Open, Refusal};
use crate::job::{
    ANSWERS_MAX, Answer, DRAWS_MAX, Numbers, OTHERS_DRAWN, OTHERS_MAX, POOL_MAX, PROMPTS_MAX,
    Prompt, Submitted, conversation_of, normal,
};

const CONNECTIONS: usize = 32;
/// The tables, and the function that submits.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

const SUBMIT: &str = "SELECT * FROM submit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const OWN: &str = "SELECT
    (SELECT coalesce(array_agg(a.text), '{}') FROM answer a WHERE a.participant = p.id),
    (SELECT count(*) FROM prompt WHERE participant = p.id AND chosen_left IS NOT NULL)
    FROM participant p WHERE p.key = $1";
const OTHERS: &str = "SELECT text FROM pool
    WHERE conversation = (SELECT id FROM conversation WHERE name = $1) AND number = ANY($2)";

pub(crate) struct Postgres {
    pool: Pool,
    /// How many answers the pool had when somebody looked last: whence a sample is drawn. A hint, so that the
    /// sample need not wait for the submission.
    pool_len: AtomicI32,
    seed: AtomicU64,
}

impl Postgres {
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let config = url.parse().context("the address of the store")?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, manager);
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
        // All connections with their statements, before anybody is served.
        let mut all = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = pool.get().await?;
            for statement in [SUBMIT, OWN, OTHERS] {
                client.prepare_cached(statement).await?;
            }
            all.push(client);
        }
        drop(all);
        let seed = RandomState::new().hash_one(0);
        Ok(Self { pool, pool_len: AtomicI32::new(0), seed: AtomicU64::new(seed) })
    }

    pub(super) async fn submit(&self, key: &str, made: Checked) -> Result<Submitted, Refusal> {
        let conversation = conversation_of(key);
        let (name, text, number, is_left) = match &made {
            Checked::Answer { name, text } => (Some(name), Some(text), None, None),
            Checked::Choice { number, is_left } => (None, None, Some(number), Some(is_left)),
        };
        let drawn = self.draw();
        let client = self.pool.get().await.map_err(Refusal::store)?;
        let submit = client.prepare_cached(SUBMIT).await.map_err(refusal)?;
        let own = client.prepare_cached(OWN).await.map_err(refusal)?;
        let others = client.prepare_cached(OTHERS).await.map_err(refusal)?;
        let made: [&(dyn ToSql + Sync); 10] = [
            &conversation,
            &key,
            &name,
            &text,
            &number,
            &is_left,
            &ANSWERS_MAX,
            &POOL_MAX,
            &PROMPTS_MAX,
            &DRAWS_MAX,
        ];
        let (of_own, of_others): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 2]) =
            ([&key], [&conversation, &drawn]);
        // One write to the server, whose answers come in order: the reads see what was submitted.
        let (submitted, own, others) = tokio::join!(
            client.query_one(&submit, &made),
            client.query_opt(&own, &of_own),
            client.query(&others, &of_others),
        );
        let (submitted, own) = (submitted.map_err(refusal)?, own.map_err(refusal)?);
        drop(client);
        self.pool_len.store(submitted.get(0), Ordering::Relaxed);
        let own = own.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "nobody of that name"))?;
        let answers: Vec<String> = own.get(0);
        let names: Vec<String> = answers.iter().map(|text| normal(text)).collect();
        let others = others.map_err(refusal)?;
        let others = others.iter().map(|row| row.get::<_, String>(0));
        let others = others.filter(|text| !names.contains(&normal(text))).take(OTHERS_MAX);
        let others = others.collect();
        Ok(Submitted { prompt: prompt(&submitted), answers, compared: own.get(1), others })
    }

    fn draw(&self) -> Vec<i32> {
        let len = self.pool_len.load(Ordering::Relaxed).max(1) as u64;
        let mut numbers = Numbers(self.seed.fetch_add(1, Ordering::Relaxed) << 8);
        (0..OTHERS_DRAWN).map(|_| 1 + numbers.below(len) as i32).collect()
    }

    pub(super) async fn open(&self, name: &str, open: &Open) -> Result<(), Refusal> {
        let client = self.pool.get().await.map_err(Refusal::store)?;
        let sql = "INSERT INTO conversation (name, question, moderator) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET question = excluded.question
            WHERE conversation.moderator = excluded.moderator";
        let changed = client.execute(sql, &[&name, &open.question, &open.moderator]).await;
        moderated(changed)
    }

    pub(super) async fn enter(&self, name: &str, enter: &Enter) -> Result<(), Refusal> {
        let client = self.pool.get().await.map_err(Refusal::store)?;
        let sql = "UPDATE conversation SET phase = $2 WHERE name = $1 AND moderator = $3";
        moderated(client.execute(sql, &[&name, &enter.phase, &enter.moderator]).await)
    }
}

fn moderated(changed: Result<u64, tokio_postgres::Error>) -> Result<(), Refusal> {
    match changed.map_err(refusal)? {
        0 => Err(Refusal::new(StatusCode::FORBIDDEN, "only the moderator may do that")),
        _ => Ok(()),
    }
}

fn prompt(row: &Row) -> Option<Prompt> {
    let answer =
        |at: usize| Some(Answer { name: row.get::<_, Option<String>>(at)?, text: row.get(at + 1) });
    let (left, right) = (answer(2)?, answer(4)?);
    Some(Prompt { number: row.get(1), left, right, chosen: None })
}

fn refusal(error: tokio_postgres::Error) -> Refusal {
    let Some(db) = error.as_db_error() else { return Refusal::store(error) };
    match db.code().code().strip_prefix("TW").and_then(|status| status.parse::<u16>().ok()) {
        Some(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
            Refusal::new(status, db.message())
        }
        None => Refusal::store(db),
    }
}

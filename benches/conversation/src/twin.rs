//! The stateless services: the job of `examples/conversation`, as a competent team would write it on axum.
//!
//! They keep nothing between requests but connections: the state is in PostgreSQL or Redis. They do not do all:
//! there is no feed for the ranking and nobody is told of events.

pub(crate) mod postgres;
mod redis;
mod socket;

use std::sync::Arc;

use anyhow::bail;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::job::{ANSWER_BYTES_MAX, Made, Submitted, normal};
use crate::subject::READY;

/// What is refused, or went wrong, with the status that says so.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn store(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("the store failed: {error}"))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.message).into_response()
    }
}

/// A submission whose form was checked.
#[derive(Debug)]
pub(crate) enum Checked {
    Answer { name: String, text: String },
    Choice { number: i32, is_left: bool },
}

impl Checked {
    fn of(made: Made) -> Result<Self, Refusal> {
        match made {
            Made::Answer { text } => {
                let text = text.trim().to_owned();
                let name = normal(&text);
                if name.is_empty() || text.len() > ANSWER_BYTES_MAX {
                    let message = format!("an answer has 1 to {ANSWER_BYTES_MAX} bytes");
                    return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message));
                }
                Ok(Self::Answer { name, text })
            }
            Made::Choice { number, chosen } => {
                Ok(Self::Choice { number, is_left: chosen == crate::job::Side::Left })
            }
        }
    }
}

/// Where a twin keeps its state.
pub(crate) enum Store {
    Postgres(postgres::Postgres),
    Redis(redis::Redis),
}

impl Store {
    async fn submit(&self, participant: &str, made: Made) -> Result<Submitted, Refusal> {
        let checked = Checked::of(made)?;
        match self {
            Self::Postgres(it) => it.submit(participant, checked).await,
            Self::Redis(it) => it.submit(participant, checked).await,
        }
    }

    /// Opens a conversation if its moderator may, and lets it take comparisons.
    async fn open(&self, conversation: &str, open: &Open) -> Result<(), Refusal> {
        match self {
            Self::Postgres(it) => it.open(conversation, open).await,
            Self::Redis(it) => it.open(conversation, open).await,
        }
    }

    async fn enter(&self, conversation: &str, enter: &Enter) -> Result<(), Refusal> {
        match self {
            Self::Postgres(it) => it.enter(conversation, enter).await,
            Self::Redis(it) => it.enter(conversation, enter).await,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Open {
    question: String,
    moderator: String,
}

#[derive(Debug, Deserialize)]
struct Enter {
    phase: String,
    moderator: String,
}

type Shared = State<Arc<Store>>;

async fn submit(
    State(store): Shared,
    Path(key): Path<String>,
    Json(made): Json<Made>,
) -> Result<Json<Submitted>, Refusal> {
    store.submit(&key, made).await.map(Json)
}

async fn open(
    State(store): Shared,
    Path(key): Path<String>,
    Json(it): Json<Open>,
) -> Result<Json<()>, Refusal> {
    store.open(&key, &it).await.map(Json)
}

async fn enter(
    State(store): Shared,
    Path(key): Path<String>,
    Json(it): Json<Enter>,
) -> Result<Json<()>, Refusal> {
    store.enter(&key, &it).await.map(Json)
}

/// Serves until it is killed; says on standard output where.
///
/// # Errors
/// The store is not there, or the port cannot be had.
pub(crate) fn serve(kind: &str, url: &str) -> anyhow::Result<()> {
    // As many workers as there are cores.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = match kind {
            "postgres" => Store::Postgres(postgres::Postgres::connect(url).await?),
            "redis" => Store::Redis(redis::Redis::connect(url).await?),
            _ => bail!("there is no twin `{kind}`; there are `postgres` and `redis`"),
        };
        let router = Router::new()
            .route("/v1/participant/{key}/submit", post(submit))
            .route("/v1/conversation/{key}/open", post(open))
            .route("/v1/conversation/{key}/enter", post(enter))
            .route("/connection/websocket", get(socket::upgrade))
            .with_state(Arc::new(store));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{READY}{}", listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            stream.set_nodelay(true).expect("TCP");
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}

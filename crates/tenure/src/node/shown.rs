//! What the admin server shows of a node's actors.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tenure_actor::{ActorType, Target, shown};
use tenure_gateway::{Actors, Copy, StoredState};
use tenure_observe::{LiveActor, StoredActor, StoredReminder};
use tenure_runtime::{Live, Reminded, Runtime};
use tenure_store::{Content, Store, StoreError, Stored};
use tenure_types::{ActorId, BoxFuture, CallError, Key, Outcome, StateTag, actor_hash};
use tokio::sync::mpsc::{self, Sender, error::TrySendError};

/// How long an activation may take to leave that was asked to.
const LEAVE_MAX: Duration = Duration::from_secs(10);
/// How many reminders of an actor are listed; all of them are counted.
const REMINDERS_SHOWN_MAX: usize = 100;
/// How many pieces of a copy wait for its reader, who may take none for so long.
const PIECES_MAX: usize = 8;
const READER_STALL_MAX: Duration = Duration::from_secs(10);
const READER_POLL: Duration = Duration::from_millis(2);

/// The actors of one node.
pub(crate) struct NodeActors {
    pub(crate) engine: Arc<Runtime>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) tasks: tokio::runtime::Handle,
}

impl Actors for NodeActors {
    fn live(&self, actor_type: &ActorType, after: Option<&Key>, limit: usize) -> Vec<LiveActor> {
        self.engine.live(actor_type.slot, after, limit).iter().map(live).collect()
    }

    fn live_one(&self, actor_type: &ActorType, key: &Key) -> Option<LiveActor> {
        self.engine.live_one(&target(actor_type, key.clone())).as_ref().map(live)
    }

    fn stored(
        &self,
        type_name: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Vec<StoredActor>, CallError>> {
        let heads = self.store.heads(type_name, after, limit);
        Box::pin(async move {
            let heads = heads.await.map_err(|error| unread(&error))?;
            Ok(heads.into_iter().map(|head| describe(&head.key, head.stored.as_ref())).collect())
        })
    }

    fn stored_one(
        &self,
        actor_type: &ActorType,
        key: Key,
    ) -> BoxFuture<'static, Result<Option<StoredState>, CallError>> {
        let load = self.store.load(&ActorId { actor_type: actor_type.name, key: key.clone() });
        let (engine, target) = (Arc::clone(&self.engine), target(actor_type, key.clone()));
        Box::pin(async move {
            let loaded = load.await;
            let stored = match loaded {
                Ok(None) => return Ok(None),
                Ok(Some(stored)) => stored,
                Err(error @ (StoreError::Corrupt { .. } | StoreError::Newer { .. })) => {
                    let why = error.to_string();
                    return Ok(Some((describe(&key, Err(&error)), Err(why))));
                }
                Err(error) => return Err(unread(&error)),
            };
            let mut described = describe(&key, Ok(&stored));
            let reminders = Reminded::of(&stored);
            described.reminders = Some(reminders.len());
            described.next_reminders =
                reminders.into_iter().take(REMINDERS_SHOWN_MAX).map(reminder).collect();
            if described.deleted {
                return Ok(Some((described, Ok(serde_json::Value::Null))));
            }
            let state = engine.stored_state(&target, stored).await;
            let state = state
                .map_err(|error| error.to_string())
                .and_then(|(codec, body)| shown(codec, &body).map_err(|error| error.to_string()));
            Ok(Some((described, state)))
        })
    }

    fn deactivate(&self, actor_type: &ActorType, key: Key) -> BoxFuture<'static, bool> {
        let (engine, target) = (Arc::clone(&self.engine), target(actor_type, key));
        Box::pin(async move { engine.deactivate(&target, LEAVE_MAX).await })
    }

    fn back_up(&self) -> Result<Copy, String> {
        let (pieces, copy) = mpsc::channel(PIECES_MAX);
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            let out = Pieces(pieces.clone());
            match store.back_up(Box::new(out)).await {
                Ok(bytes) => tracing::info!(bytes, "a backup was made"),
                Err(error) => {
                    tracing::warn!(%error, "a backup was not made");
                    // Where nobody reads any more there is nobody to tell.
                    let _ = pieces.send(Err(error.to_string())).await;
                }
            }
        });
        Ok(copy)
    }
}

/// Hands a copy over in pieces. It gives up on a reader who takes none: the store must be able to end.
struct Pieces(Sender<Result<Bytes, String>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut piece = Ok(Bytes::copy_from_slice(bytes));
        let began = Instant::now();
        loop {
            piece = match self.0.try_send(piece) {
                Ok(()) => return Ok(bytes.len()),
                Err(TrySendError::Closed(_)) => {
                    return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the reader is gone"));
                }
                Err(TrySendError::Full(piece)) => piece,
            };
            if began.elapsed() > READER_STALL_MAX {
                let detail = "the reader takes nothing any more";
                return Err(io::Error::new(io::ErrorKind::TimedOut, detail));
            }
            // This is the engine's own thread for the copy.
            thread::sleep(READER_POLL);
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn target(actor_type: &ActorType, key: Key) -> Target {
    let type_name = actor_type.name.as_str();
    Target { slot: actor_type.slot, hash: actor_hash(type_name, &key), type_name, key }
}

fn live(live: &Live) -> LiveActor {
    LiveActor {
        key: live.key.to_string(),
        tag: live.tag.to_string(),
        bytes: live.bytes,
        idle_seconds: live.idle_seconds,
        waiting: live.waiting,
        running: live.is_running,
        unsaved: live.is_unsaved,
        paused: live.is_paused,
    }
}

fn describe(key: &Key, stored: Result<&Stored, &StoreError>) -> StoredActor {
    let key = key.to_string();
    match stored {
        Err(error) => StoredActor { key, error: Some(error.to_string()), ..StoredActor::default() },
        Ok(stored) => StoredActor {
            key,
            tag: StateTag::new(stored.tenure, stored.version).to_string(),
            schema: stored.content.state().map(|state| state.schema),
            bytes: stored.content.bytes(),
            written_at_ms: stored.written_at_ms,
            events: stored.log.offset,
            deleted: matches!(stored.content, Content::Deleted { .. }),
            ..StoredActor::default()
        },
    }
}

fn reminder(it: Reminded) -> StoredReminder {
    let shown =
        StoredReminder { name: it.name.into(), due_at_ms: it.due_ms, ..StoredReminder::default() };
    match it.calls {
        Ok((method, every)) => StoredReminder {
            method: method.into(),
            every_ms: every.map(|every| u64::try_from(every.as_millis()).unwrap_or(u64::MAX)),
            ..shown
        },
        Err(error) => StoredReminder { error: Some(error), ..shown },
    }
}

fn unread(error: &StoreError) -> CallError {
    let (detail, outcome) = (error.to_string().into(), Outcome::NotExecuted);
    match error {
        StoreError::Corrupt { .. } => CallError::Damaged { detail, outcome },
        _ => CallError::Storage { detail, outcome },
    }
}

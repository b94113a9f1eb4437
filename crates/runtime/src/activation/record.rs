//! From what is stored to a state: decoding, replaying a journal, and what is kept beside.

use tenure_actor::{ActorType, Persist, State};
use tenure_store::{Content, Encoded, EventLog, RowKey, Stored};
use tenure_types::{CallError, Outcome, Planted, StateTag};

use super::Activation;
use super::kept::Kept;
use super::load::load_error;
use crate::runtime::Runtime;
use crate::turn::contain;

impl Runtime {
    /// The state of a record, or that of an actor that was never stored; `rebuilt` where the journal
    /// was applied already. Also puts in what is kept beside it.
    pub(crate) fn open_record(
        &self,
        activation: &Activation,
        stored: Option<Stored>,
        rebuilt: Option<Box<dyn State>>,
    ) -> Result<Box<dyn State>, CallError> {
        let actor_type = &activation.kind.actor_type;
        let Some(mut stored) = stored else {
            activation.set_tag(StateTag::default());
            return create(activation);
        };
        let mut snapshot = 0;
        let state = match &stored.content {
            Content::Deleted { .. } => {
                // A new life has a log of its own.
                stored.log = EventLog::default();
                create(activation)?
            }
            Content::State(_) | Content::Journaled { .. } if !fits(actor_type, &stored.content) => {
                return Err(incompatible(
                    activation,
                    &format!(
                        "it was not written by a type that is {}; move its actors with code that \
                         reads one type and calls another",
                        actor_type.persist.as_str()
                    ),
                ));
            }
            Content::State(state) => {
                activation.note_encoded(self.hash_state(&state.bytes), state.bytes.len());
                decode(activation, state)?
            }
            Content::Journaled { snapshot: at } => {
                snapshot = *at;
                match rebuilt {
                    Some(state) => state,
                    None => replay(activation, &stored)?,
                }
            }
        };
        activation.set_tag(StateTag::new(stored.tenure, stored.version));
        if stored.log.open.take_if(|_| Planted::EpochReuse.is_planted()).is_some() {
            // On purpose: the log goes on as if nothing was lost.
        } else if stored.log.open.is_some() {
            // Events may have left that were lost with their activation: clients must know.
            stored.log = EventLog { epoch: self.new_epoch(), offset: 0, open: None };
        }
        let kept = Kept::load(stored.log, snapshot, stored.rows)
            .map_err(|why| incompatible(activation, &why))?;
        activation.with_kept(|place| *place = kept);
        Ok(state)
    }
}

impl Runtime {
    /// Applies the whole journal, where the snapshot has an older form that this program does not
    /// read: a snapshot is a cache. `None` where it is not needed.
    pub(crate) async fn rebuild(
        &self,
        activation: &Activation,
        stored: &Stored,
    ) -> Result<Option<Box<dyn State>>, CallError> {
        let schema = activation.kind.actor_type.schema;
        let snapshot = stored.rows.iter().find(|row| row.key == RowKey::Snapshot);
        let is_needed = snapshot.is_some_and(|row| {
            row.value.schema < schema && decode(activation, &row.value).is_err()
        });
        if !is_needed {
            return Ok(None);
        }
        let (id, end) = (activation.id(), stored.log.offset);
        tracing::info!(actor = %id, events = end, "its snapshot is of an older form; its journal is applied");
        let mut state = create(activation)?;
        let mut at = 0;
        while at < end {
            let page = self.store.events(&id, at, REBUILD_PAGE_EVENTS).await;
            let page = page.map_err(|error| load_error(activation, &error))?;
            let is_gapless = !page.is_empty()
                && page.iter().zip(at + 1..).all(|((offset, _), expected)| *offset == expected);
            if !is_gapless {
                return Err(incompatible(activation, &format!("an event after {at} is missing")));
            }
            for (offset, event) in page.iter().take_while(|(offset, _)| *offset <= end) {
                apply(activation, &mut *state, *offset, event)?;
                at = *offset;
            }
        }
        Ok(Some(state))
    }
}

/// How many events of a journal are read at a time.
const REBUILD_PAGE_EVENTS: usize = 1_000;

fn fits(actor_type: &ActorType, content: &Content) -> bool {
    let is_journaled = matches!(content, Content::Journaled { .. });
    is_journaled == matches!(actor_type.persist, Persist::EventSourced { .. })
}

/// Snapshot, then every event after it. The engine has checked that none is missing.
fn replay(activation: &Activation, stored: &Stored) -> Result<Box<dyn State>, CallError> {
    let snapshot = stored.rows.iter().find(|row| row.key == RowKey::Snapshot);
    let mut state = match snapshot {
        Some(row) => decode(activation, &row.value)?,
        None => create(activation)?,
    };
    for row in &stored.rows {
        let RowKey::Journal(offset) = row.key else { continue };
        apply(activation, &mut *state, offset, &row.value)?;
    }
    Ok(state)
}

fn apply(
    activation: &Activation,
    state: &mut dyn State,
    offset: u64,
    event: &Encoded,
) -> Result<(), CallError> {
    let Encoded { schema, codec, bytes } = event;
    contain(|| (activation.kind.actor_type.apply)(state, *schema, *codec, bytes))
        .map_err(|panic| panic.to_string())
        .and_then(|applied| applied.map_err(|error| error.to_string()))
        .map_err(|why| {
            incompatible(activation, &format!("its event {offset} cannot be applied: {why}"))
        })
}

fn create(activation: &Activation) -> Result<Box<dyn State>, CallError> {
    contain(activation.kind.actor_type.create).map_err(|panic| CallError::Panicked {
        detail: format!("{} cannot be made: {panic}", activation.id()).into(),
    })
}

pub(crate) fn decode(
    activation: &Activation,
    state: &Encoded,
) -> Result<Box<dyn State>, CallError> {
    let actor_type = &activation.kind.actor_type;
    let Encoded { schema, codec, bytes } = state;
    if *schema > actor_type.schema {
        return Err(CallError::Incompatible {
            detail: format!(
                "the record of {} has schema {schema}, newer than this program's {}; deploy the \
                 newer program",
                activation.id(),
                actor_type.schema
            )
            .into(),
            outcome: Outcome::NotExecuted,
        });
    }
    contain(|| (actor_type.decode)(*schema, *codec, bytes))
        .map_err(|panic| panic.to_string())
        .and_then(|decoded| decoded.map_err(|error| error.to_string()))
        .map_err(|why| incompatible(activation, &why))
}

fn incompatible(activation: &Activation, why: &str) -> CallError {
    tracing::warn!(actor = %activation.id(), why, "a record cannot be read by this program");
    CallError::Incompatible {
        detail: format!("the record of {} cannot be read: {why}", activation.id()).into(),
        outcome: Outcome::NotExecuted,
    }
}

//! Reads a sample of what is stored with the program's own code.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use tenure_actor::{ActorType, CodecError, Persist, State};
use tenure_store::{
    Content, Encoded, FeedError, FeedFrom, RowKey, Store, StoreError, Stored, StoredHead,
};
use tenure_types::{ActorId, Key};

use crate::app::wait::wait_for;
use crate::config::Settings;
use crate::node::stores;
use crate::schemas::{Finding, Level};

/// How many heads are asked for at a time.
const PAGE: usize = 256;

/// What became of the store.
pub(super) enum StoreReport {
    /// It was not asked for.
    Skipped,
    /// There is none.
    Absent { store: String },
    /// It could not be read, for this reason.
    Unread { why: String },
    /// It was read.
    Read { store: String, types: Vec<TypeReport>, findings: Vec<Finding> },
}

/// What was read of one type.
pub(super) struct TypeReport {
    name: Box<str>,
    records: usize,
    /// There may be more.
    is_sample: bool,
}

impl StoreReport {
    pub(super) fn findings(&self) -> &[Finding] {
        match self {
            StoreReport::Read { findings, .. } => findings,
            _ => &[],
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            StoreReport::Skipped => Vec::new(),
            StoreReport::Absent { store } => vec![format!("store: none in {store}")],
            StoreReport::Unread { why } => vec![format!("store: not checked: {why}")],
            StoreReport::Read { store, types, .. } if types.is_empty() => {
                vec![format!("store: nothing is stored in {store}")]
            }
            StoreReport::Read { store, types, .. } => {
                let of_type = |it: &TypeReport| {
                    let first = if it.is_sample { "the first " } else { "" };
                    format!("{first}{} of {}", it.records, it.name)
                };
                let read: Vec<_> = types.iter().map(of_type).collect();
                vec![format!("store: records read in {store}: {}", read.join(", "))]
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            StoreReport::Skipped => json!({ "checked": false }),
            StoreReport::Absent { store } => {
                json!({ "checked": false, "why": format!("none in {store}") })
            }
            StoreReport::Unread { why } => json!({ "checked": false, "why": why }),
            StoreReport::Read { store, types, .. } => {
                let types: serde_json::Map<_, _> = types
                    .iter()
                    .map(|it| {
                        let read = json!({ "records": it.records, "sample": it.is_sample });
                        (it.name.to_string(), read)
                    })
                    .collect();
                json!({ "checked": true, "path": store, "types": types })
            }
        }
    }
}

/// Reads at most `records_max` records of each type that is stored where the settings say.
pub(super) fn check(types: &[ActorType], settings: &Settings, records_max: usize) -> StoreReport {
    let (store, name) = (stores::of(settings), stores::place(settings));
    match wait_for(store.open_to_read()) {
        Ok(true) => {}
        Ok(false) => return StoreReport::Absent { store: name },
        Err(StoreError::Locked { holder, .. }) => {
            let why = format!("the store in {name} is in use ({holder})");
            return StoreReport::Unread { why };
        }
        Err(error) => return StoreReport::Unread { why: error.to_string() },
    }
    let mut sample = Sample { store: &*store, records_max, findings: Vec::new() };
    let read = sample.types(types).and_then(|read| sample.feeds().map(|()| read));
    let findings = sample.findings;
    if let Err(error) = wait_for(store.close()) {
        tracing::warn!(%error, "the store that was read does not close");
    }
    match read {
        Ok(types) => StoreReport::Read { store: name, types, findings },
        Err(error) => StoreReport::Unread { why: error.to_string() },
    }
}

struct Sample<'a> {
    store: &'a dyn Store,
    records_max: usize,
    findings: Vec<Finding>,
}

/// A record that cannot be read: how bad that is, and why.
type Failure = (Level, String);

impl Sample<'_> {
    fn types(&mut self, types: &[ActorType]) -> Result<Vec<TypeReport>, StoreError> {
        let mut reports = Vec::new();
        for name in wait_for(self.store.types())? {
            let actor_type = types.iter().find(|it| it.name.as_str() == &*name);
            let report = self.of_type(&name, actor_type)?;
            if actor_type.is_none() && report.records > 0 {
                self.findings.push(Finding {
                    level: Level::Warning,
                    type_name: name.to_string(),
                    place: name.to_string(),
                    what: "the store has actors of this type, and the program has it not"
                        .to_owned(),
                    advice: "register the type, or leave them where they are".to_owned(),
                });
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Names the feeds whose oldest entries cannot be read.
    fn feeds(&mut self) -> Result<(), StoreError> {
        for info in wait_for(self.store.feeds())? {
            let name = info.name.clone();
            let page = self.store.read_feed(&name, FeedFrom::Oldest, self.records_max.max(1));
            let what = match wait_for(page) {
                Err(FeedError::Store(error)) => error.to_string(),
                _ => continue,
            };
            self.findings.push(Finding {
                level: Level::Warning,
                type_name: String::new(),
                place: format!("the feed {name}"),
                what,
                advice: String::new(),
            });
        }
        Ok(())
    }

    fn of_type(
        &mut self,
        name: &str,
        actor_type: Option<&ActorType>,
    ) -> Result<TypeReport, StoreError> {
        let mut failures: BTreeMap<Failure, (String, usize)> = BTreeMap::new();
        let (mut records, mut after): (usize, Option<Key>) = (0, None);
        let mut is_sample = false;
        'pages: loop {
            let page = wait_for(self.store.heads(name, after.as_ref(), PAGE))?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for head in page {
                if matches!(&head.stored, Ok(Stored { content: Content::Deleted { .. }, .. })) {
                    continue;
                }
                if records == self.records_max {
                    is_sample = true;
                    break 'pages;
                }
                records += 1;
                let Some(actor_type) = actor_type else { continue };
                if let Err(failure) = self.record(actor_type, &head) {
                    let version = head.stored.as_ref().map_or(0, |stored| stored.version.0);
                    let actor = format!("{name}/{} (version {version})", head.key);
                    failures.entry(failure).or_insert((actor, 0)).1 += 1;
                }
            }
        }
        for ((level, what), (actor, times)) in failures {
            let others =
                if times > 1 { format!(" and {} others", times - 1) } else { String::new() };
            self.findings.push(Finding {
                level,
                type_name: name.to_owned(),
                place: format!("{actor}{others}"),
                what,
                advice: String::new(),
            });
        }
        Ok(TypeReport { name: name.into(), records, is_sample })
    }

    /// Reads one record as a node would.
    fn record(&self, actor_type: &ActorType, head: &StoredHead) -> Result<(), Failure> {
        let unreadable = |error: &StoreError| match error {
            StoreError::Newer { .. } => (Level::Incompatible, error.to_string()),
            _ => (Level::Warning, error.to_string()),
        };
        let stored = head.stored.as_ref().map_err(unreadable)?;
        let incompatible = |what: String| (Level::Incompatible, what);
        if !fits(actor_type, &stored.content) {
            let mode = actor_type.persist.as_str();
            return Err(incompatible(format!("was not stored by a type that is {mode}")));
        }
        match &stored.content {
            Content::State(state) => decode(actor_type, state).map(drop).map_err(incompatible),
            Content::Journaled { .. } => {
                let actor = ActorId { actor_type: actor_type.name, key: head.key.clone() };
                match wait_for(self.store.load(&actor)) {
                    Ok(Some(stored)) => replay(actor_type, &stored).map_err(incompatible),
                    Ok(None) => Ok(()),
                    Err(error) => Err(unreadable(&error)),
                }
            }
            Content::Deleted { .. } => Ok(()),
        }
    }
}

fn fits(actor_type: &ActorType, content: &Content) -> bool {
    match actor_type.persist {
        Persist::Volatile => false,
        Persist::EventSourced { .. } => matches!(content, Content::Journaled { .. }),
        _ => matches!(content, Content::State(_)),
    }
}

fn decode(actor_type: &ActorType, state: &Encoded) -> Result<Box<dyn State>, String> {
    let Encoded { schema, codec, bytes } = state;
    if *schema > actor_type.schema {
        return Err(format!(
            "has schema {schema}, newer than this program's {}; deploy the newer program",
            actor_type.schema
        ));
    }
    contain(|| (actor_type.decode)(*schema, *codec, bytes))
        .map_err(|why| format!("cannot be read: {why}"))
}

fn replay(actor_type: &ActorType, stored: &Stored) -> Result<(), String> {
    let snapshot = stored.rows.iter().find(|row| row.key == RowKey::Snapshot);
    let mut state = match snapshot {
        Some(row) => decode(actor_type, &row.value)?,
        None => contain(|| Ok((actor_type.create)()))?,
    };
    for row in &stored.rows {
        let RowKey::Journal(offset) = row.key else { continue };
        let Encoded { schema, codec, bytes } = &row.value;
        contain(|| (actor_type.apply)(&mut *state, *schema, *codec, bytes))
            .map_err(|why| format!("its event {offset} cannot be applied: {why}"))?;
    }
    Ok(())
}

/// Runs code of the program that may panic.
fn contain<T>(run: impl FnOnce() -> Result<T, CodecError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the program panics at it".to_owned()),
    }
}

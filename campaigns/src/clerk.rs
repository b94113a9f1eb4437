//! Actors that have themselves reminded, and remember what came.

use std::fs::File;
use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;

use tenure::prelude::*;

/// The variable that names the file to which every turn of a reminder adds a line: also those whose
/// effect on the actor is lost with a node.
pub const RING_LOG_VARIABLE: &str = "CAMPAIGN_RING_LOG";

static RING_LOG: LazyLock<Option<File>> = LazyLock::new(|| {
    let name = std::env::var_os(RING_LOG_VARIABLE)?;
    File::options().create(true).append(true).open(name).ok()
});

/// A reminder that was handled.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Which one.
    pub id: u64,
    /// When it was due, as the node says: Unix time in milliseconds.
    pub due_ms: u64,
    /// When it was handled.
    pub at_ms: u64,
}

/// Everything that rang.
#[tenure::data]
#[derive(Default)]
pub struct Clerk {
    rung: Vec<Rung>,
}

#[actor]
impl Clerk {
    /// Has itself reminded of `id` in `ms` milliseconds; gives the time of asking.
    pub fn wake(&mut self, cx: &mut Context<Self>, id: u64, ms: u64) -> u64 {
        cx.remind(&id.to_string(), Duration::from_millis(ms), ClerkRing { id });
        cx.unix_ms()
    }

    /// A reminder has come.
    #[handler(internal)]
    pub fn ring(&mut self, cx: &mut Context<Self>, id: u64) {
        let due_ms = cx.reminder().map_or(0, |reminder| reminder.due_ms);
        if let Some(mut log) = RING_LOG.as_ref() {
            // One write is one line, whoever else writes.
            let _ = log.write_all(format!("{id}\n").as_bytes());
        }
        self.rung.push(Rung { id, due_ms, at_ms: cx.unix_ms() });
    }

    /// What came so far.
    pub fn rung(&self) -> Vec<Rung> {
        self.rung.clone()
    }
}

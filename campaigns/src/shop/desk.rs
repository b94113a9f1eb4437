//! What all devices share, and what was acknowledged to them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use parking_lot::Mutex;

use super::options::Options;
use crate::http::{Connection, Request};
use crate::interrupt;
use crate::process::ServerProcess;
use crate::seed::Seeded;
use crate::stage::Break;

/// How many items there are of which a customer may have many.
const ITEMS: u64 = 20;
/// What a customer may have once.
pub(super) const SINGLE: &str = "lamp";
const POLL_PERIOD: Duration = Duration::from_millis(2);
/// How long nothing at all may be answered.
const STALL_MAX: Duration = Duration::from_secs(60);
const PROGRESS_PERIOD: Duration = Duration::from_secs(5);
const FINDINGS_MAX: usize = 20;

/// How many pieces of each item.
pub(super) type Lines = BTreeMap<String, u32>;

/// What the devices of one cart were told.
#[derive(Default)]
pub(super) struct Household {
    /// By how much each line was changed in all.
    pub(super) changes: BTreeMap<String, i64>,
    /// What was in the cart at each checkout, by order.
    pub(super) orders: BTreeMap<String, Lines>,
}

/// An item on the shelf.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) cents: u64,
    pub(super) one_each: bool,
    pub(super) supplied: u32,
}

/// What all orders come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Orders that were paid.
    pub(super) paid: u64,
    /// Orders that were refused.
    pub(super) refused: u64,
    /// What was paid.
    pub(super) cents: u64,
    /// How many pieces were sold.
    pub(super) pieces: u64,
    /// How many customers have what everybody may have once.
    pub(super) single: u64,
}

/// What all devices share.
pub(super) struct Desk {
    pub(super) items: Vec<Item>,
    /// What each household can spend.
    pub(super) limits: Vec<u64>,
    pub(super) households: Vec<Mutex<Household>>,
    /// How many edits and checkouts each device makes.
    pub(super) edits: u32,
    /// How many all of them make.
    pub(super) goal: u64,
    pub(super) cuts: u64,
    pub(super) has_keys: bool,
    pub(super) done: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Edits that met another cart than the device had seen.
    pub(super) overtaken: AtomicU64,
    pub(super) again: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) stop: AtomicBool,
    pub(super) wrong: AtomicU64,
    findings: Mutex<Vec<String>>,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What was counted.
pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Desk {
    pub(super) fn new(options: &Options, numbers: &mut Seeded) -> Self {
        let zero = || AtomicU64::new(0);
        // Enough of most items and too little of some; some money for all and too little for many.
        let plenty = u64::from(options.pairs) * u64::from(options.edits) / 10;
        let mut items: Vec<Item> = (0..ITEMS)
            .map(|number| Item {
                name: format!("item-{number:02}"),
                cents: 100 + 50 * number,
                one_each: false,
                supplied: (plenty / 4 + numbers.below(plenty + 1)) as u32,
            })
            .collect();
        let name = SINGLE.to_owned();
        items.push(Item { name, cents: 990, one_each: true, supplied: options.pairs * 2 });
        let most = u64::from(options.edits) * 1_500;
        Self {
            items,
            limits: (0..options.pairs).map(|_| 2_000 + numbers.below(most)).collect(),
            households: (0..options.pairs).map(|_| Mutex::default()).collect(),
            edits: options.edits,
            goal: u64::from(options.pairs) * 2 * u64::from(options.edits),
            cuts: options.cuts,
            has_keys: options.stage.broken != Some(Break::NoKeys),
            done: zero(),
            acknowledged: zero(),
            refused: zero(),
            overtaken: zero(),
            again: zero(),
            replayed: zero(),
            stop: AtomicBool::new(false),
            wrong: zero(),
            findings: Mutex::default(),
        }
    }

    /// The key of a household: of its cart, its money and its allowance.
    pub(super) fn key(household: usize) -> String {
        format!("home-{household}")
    }

    /// Fills shelves and purses, before anything is hurt.
    pub(super) fn stock_up(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let mut tell = |path: String, body: String| {
            let (path, body) = (path.as_str(), body.as_str());
            let request = Request { method: "POST", path, body, ..Request::default() };
            let told = connection.ask(&request, None);
            told.map(|_| ()).map_err(|failure| anyhow!("{path} {body}: {failure:?}"))
        };
        for Item { name, cents, one_each, supplied } in &self.items {
            let offer = format!(r#"{{"cents":{cents},"one_each":{one_each}}}"#);
            tell(format!("/v1/stock/{name}/offer"), offer)?;
            tell(format!("/v1/stock/{name}/supply"), supplied.to_string())?;
        }
        for (household, limit) in self.limits.iter().enumerate() {
            tell(format!("/v1/payment/{}/allow", Self::key(household)), limit.to_string())?;
        }
        Ok(())
    }

    pub(super) fn find(&self, what: String) {
        count(&self.wrong);
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(what);
        }
    }

    pub(super) fn is_wrong(&self) -> bool {
        read(&self.wrong) > 0
    }

    pub(super) fn show_findings(&self) {
        for finding in &*self.findings.lock() {
            println!("WRONG: {finding}");
        }
    }

    /// Waits until so many edits are done, or something was found.
    pub(super) fn wait_for(
        &self,
        goal: u64,
        server: &mut ServerProcess,
        shown: &mut Instant,
    ) -> anyhow::Result<()> {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let done = read(&self.done);
            if done >= goal || self.is_wrong() {
                return Ok(());
            }
            if done > last {
                (last, since) = (done, Instant::now());
            }
            if since.elapsed() > STALL_MAX {
                bail!("no edit was answered for {} s, {done} before", STALL_MAX.as_secs());
            }
            if let Some(status) = server.ended()? {
                bail!("the server ended by itself with {status}");
            }
            if shown.elapsed() > PROGRESS_PERIOD {
                *shown = Instant::now();
                println!("{done}/{} edits done", self.goal);
            }
            interrupt::pause(POLL_PERIOD)?;
        }
    }
}

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use serde_json::Value;

/// How many findings are kept.
const FINDINGS_MAX: usize = 20;

/// An event, and what all bots know of it.
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) sections: u32,
    pub(crate) seats: u32,
    pub(crate) agents: u32,
    /// How many of a hundred holds are bought.
    pub(crate) buy: u64,
    sold_out: Vec<AtomicBool>,
    /// Who was told that he has which seat, by section and seat.
    tickets: Mutex<BTreeMap<(u32, u16), String>>,
    findings: Mutex<Vec<String>>,
}

/// How much was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) holds: u64,
    pub(crate) bought: u64,
    pub(crate) released: u64,
    pub(crate) left: u64,
    pub(crate) late: u64,
    pub(crate) again: u64,
    /// How long the slowest call took until it was answered.
    pub(crate) slowest: Duration,
    pub(crate) wrong: u64,
    pub(crate) took: Duration,
}

/// The letter of a section.
pub(crate) fn letter(section: u32) -> char {
    char::from(b'A' + section as u8)
}

impl Event {
    pub(crate) fn new(name: &str, plan: &Value, buy: u64) -> anyhow::Result<Self> {
        let number = |name: &str| {
            let number = plan[name].as_u64().and_then(|number| u32::try_from(number).ok());
            number.with_context(|| format!("a plan without {name}: {plan}"))
        };
        let sections = number("sections")?;
        Ok(Self {
            name: name.to_owned(),
            sections,
            seats: number("rows")? * number("seats_per_row")?,
            agents: number("agents")?,
            buy,
            sold_out: (0..sections).map(|_| AtomicBool::new(false)).collect(),
            tickets: Mutex::default(),
            findings: Mutex::default(),
        })
    }

    /// The sections that have seats.
    pub(crate) fn on_sale(&self) -> Vec<u32> {
        let sold_out = |section: &u32| self.sold_out[*section as usize].load(Ordering::Relaxed);
        (0..self.sections).filter(|section| !sold_out(section)).collect()
    }

    pub(crate) fn is_sold_out(&self, section: u32) {
        self.sold_out[section as usize].store(true, Ordering::Relaxed);
    }

    /// Somebody was told that the seat is his.
    pub(crate) fn ticket(&self, section: u32, seat: u16, buyer: &str) {
        let other = self.tickets.lock().insert((section, seat), buyer.to_owned());
        if let Some(other) = other {
            self.find(format!("{}/{seat} was sold to {other} and to {buyer}", letter(section)));
        }
    }

    /// The tickets of a section.
    pub(crate) fn tickets(&self, section: u32) -> BTreeMap<u16, String> {
        let tickets = self.tickets.lock();
        let of_it = tickets.range((section, 0)..=(section, u16::MAX));
        of_it.map(|((_, seat), buyer)| (*seat, buyer.clone())).collect()
    }

    pub(crate) fn find(&self, what: String) {
        let mut findings = self.findings.lock();
        if findings.len() < FINDINGS_MAX {
            findings.push(what);
        }
    }

    pub(crate) fn findings(&self) -> Vec<String> {
        self.findings.lock().clone()
    }

    pub(crate) fn has_findings(&self) -> bool {
        !self.findings.lock().is_empty()
    }
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.holds += other.holds;
        self.bought += other.bought;
        self.released += other.released;
        self.left += other.left;
        self.late += other.late;
        self.again += other.again;
        self.slowest = self.slowest.max(other.slowest);
        self.wrong += other.wrong;
        self.took += other.took;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holds, bought, released, left, late, again, slowest, wrong, took } = self;
        write!(
            f,
            "{bought} seats bought in {:.1} s; {holds} holds, {released} released, {left} left to expire, {late} bought \
             too late; {again} calls made again, the slowest took {:.1} s; {wrong} wrong",
            took.as_secs_f64(),
            slowest.as_secs_f64(),
        )
    }
}

use std::time::Duration;

use tenure::prelude::*;

use super::later::{self, FEED, Later, Rung};
use super::memory::Memory;
use super::role::Role;
use super::seen::Seen;

/// What happened to a chronicle.
#[tenure::data]
pub enum Happened {
    /// Something was added.
    Added {
        /// What was asked for.
        effect: u64,
        /// How much.
        by: u64,
    },
    /// A reminder was handled.
    Rung(Rung),
    /// Work beside the turns has ended.
    Worked {
        /// What its turn was asked for.
        effect: u64,
    },
}

/// Stored before the reply, as events.
#[tenure::data]
#[derive(Default)]
pub struct Chronicle {
    pub(crate) version: u64,
    pub(crate) value: u64,
    pub(crate) effects: Vec<u64>,
    pub(crate) later: Later,
    memory: Memory,
}

impl Chronicle {
    /// What follows when `by` is added.
    fn after(&self, cx: &Context<Self>, by: u64) -> Seen {
        let value = self.value.wrapping_add(by);
        Seen::new(cx.tenure(), self.version + 1, value, self.memory.of(cx))
    }

    fn change(&self, cx: &mut Context<Self>, effect: u64, by: u64) {
        cx.record(Happened::Added { effect, by });
        later::entries(self.version + 1, effect, by).for_each(|entry| cx.append(FEED, &entry));
    }

    fn seen(&self, cx: &Context<Self>) -> Seen {
        Seen::new(cx.tenure(), self.version, self.value, self.memory.of(cx))
    }
}

#[actor(persist = event_sourced(snapshot_every = 20), events = Happened)]
impl Chronicle {
    fn apply(&mut self, happened: &Happened) {
        match happened {
            Happened::Added { effect, by } => {
                self.version += 1;
                self.value = self.value.wrapping_add(*by);
                self.effects.push(*effect);
                self.later.added();
            }
            Happened::Rung(rung) => self.later.rung.push(rung.clone()),
            Happened::Worked { effect } => self.later.worked.push(*effect),
        }
    }

    /// Adds to the number.
    pub fn add(&self, cx: &mut Context<Self>, effect: u64, by: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        self.change(cx, effect, by);
        self.after(cx, by)
    }

    /// Adds to the number, and takes its time.
    pub async fn add_slowly(&self, cx: &mut Context<Self>, effect: u64, by: u64, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        self.change(cx, effect, by);
        cx.sleep(Duration::from_millis(ms)).await;
        self.after(cx, by)
    }

    /// Reads.
    pub fn get(&self, cx: &Context<Self>) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, false);
        self.seen(cx)
    }

    /// Reads, and takes its time.
    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, false);
        cx.sleep(Duration::from_millis(ms)).await;
        self.seen(cx)
    }

    /// Adds to the number, and sets a reminder for a time of the wall clock.
    pub fn remind(
        &self,
        cx: &mut Context<Self>,
        effect: u64,
        by: u64,
        name: u64,
        due_ms: u64,
    ) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        self.change(cx, effect, by);
        let after = later::until(cx, due_ms);
        cx.remind(&later::name(name), after, ChronicleRing { name, due_ms });
        self.after(cx, by)
    }

    /// Adds to the number, and takes a reminder back.
    pub fn cancel(&self, cx: &mut Context<Self>, effect: u64, by: u64, name: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        self.change(cx, effect, by);
        cx.cancel_reminder(&later::name(name));
        self.after(cx, by)
    }

    /// Adds to the number, and works beside later turns.
    pub fn work(&self, cx: &mut Context<Self>, effect: u64, by: u64, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        self.change(cx, effect, by);
        cx.spawn(cx.sleep(Duration::from_millis(ms)), move |()| ChronicleWorked { effect });
        self.after(cx, by)
    }

    #[handler]
    fn ring(&self, cx: &mut Context<Self>, name: u64, due_ms: u64) {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        cx.record(Happened::Rung(Rung::begins(cx, Role::Chronicle, (name, due_ms))));
    }

    #[handler]
    fn worked(&self, cx: &mut Context<Self>, effect: u64) {
        let _turn = self.memory.turn(cx, Role::Chronicle, true);
        cx.record(Happened::Worked { effect });
    }

    /// Leaves memory.
    pub fn leave(&self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

use std::time::Duration;

use tenure::prelude::*;

use super::board::Board;
use super::later::{self, FEED, Later, Rung, Told};
use super::memory::Memory;
use super::role::Role;
use super::seen::Seen;
use crate::stage;

/// Stored before the reply.
#[tenure::data]
#[derive(Default)]
pub struct Ledger {
    pub(crate) version: u64,
    pub(crate) value: u64,
    pub(crate) effects: Vec<u64>,
    pub(crate) later: Later,
    memory: Memory,
}

impl Ledger {
    fn seen(&self, cx: &Context<Self>) -> Seen {
        Seen::new(cx.tenure(), self.version, self.value, self.memory.of(cx))
    }

    fn change(&mut self, cx: &mut Context<Self>, effect: u64, by: u64) {
        self.version += 1;
        self.value = self.value.wrapping_add(by);
        self.effects.push(effect);
        self.later.added();
        if by != 2 {
            cx.emit(Told { effect, version: self.version });
        }
        later::entries(self.version, effect, by).for_each(|entry| cx.append(FEED, &entry));
    }
}

#[actor(events = Told)]
impl Ledger {
    /// Adds to the number.
    pub fn add(&mut self, cx: &mut Context<Self>, effect: u64, by: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.change(cx, effect, by);
        self.seen(cx)
    }

    /// Adds to the number, and takes its time.
    pub async fn add_slowly(
        &mut self,
        cx: &mut Context<Self>,
        effect: u64,
        by: u64,
        ms: u64,
    ) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.change(cx, effect, by);
        cx.sleep(Duration::from_millis(ms)).await;
        self.seen(cx)
    }

    /// Adds to the number, and tells a board what it was when the turn began.
    pub async fn add_and_tell(
        &mut self,
        cx: &mut Context<Self>,
        effect: u64,
        by: u64,
        to: String,
    ) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        let (before, at) = (self.seen(cx), stage::now().as_nanos());
        self.change(cx, effect, by);
        let of = cx.key().to_string();
        // Whether the board heard of it changes nothing here.
        drop(cx.actor::<Board>(to).hear(of, before, at).await);
        self.seen(cx)
    }

    /// Reads.
    pub fn get(&self, cx: &Context<Self>) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, false);
        self.seen(cx)
    }

    /// Reads, and takes its time.
    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, false);
        cx.sleep(Duration::from_millis(ms)).await;
        self.seen(cx)
    }

    /// Adds to the number, and sets a reminder for a time of the wall clock.
    pub fn remind(
        &mut self,
        cx: &mut Context<Self>,
        effect: u64,
        by: u64,
        name: u64,
        due_ms: u64,
    ) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.change(cx, effect, by);
        let after = later::until(cx, due_ms);
        cx.remind(&later::name(name), after, LedgerRing { name, due_ms });
        self.seen(cx)
    }

    /// Adds to the number, and takes a reminder back.
    pub fn cancel(&mut self, cx: &mut Context<Self>, effect: u64, by: u64, name: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.change(cx, effect, by);
        cx.cancel_reminder(&later::name(name));
        self.seen(cx)
    }

    /// Adds to the number, and works beside later turns.
    pub fn work(&mut self, cx: &mut Context<Self>, effect: u64, by: u64, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.change(cx, effect, by);
        cx.spawn(cx.sleep(Duration::from_millis(ms)), move |()| LedgerWorked { effect });
        self.seen(cx)
    }

    #[handler]
    fn ring(&mut self, cx: &mut Context<Self>, name: u64, due_ms: u64) {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.later.rung.push(Rung::begins(cx, Role::Ledger, (name, due_ms)));
    }

    #[handler]
    fn worked(&mut self, cx: &mut Context<Self>, effect: u64) {
        let _turn = self.memory.turn(cx, Role::Ledger, true);
        self.later.worked.push(effect);
    }

    /// Leaves memory.
    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

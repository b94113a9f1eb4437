use std::time::Duration;

use tenure::prelude::*;
use tenure_types::Instant;

use super::later::Told;
use super::memory::Memory;
use super::role::Role;
use super::seen::Seen;

/// Never stored.
#[derive(Default)]
pub struct Board {
    pub(crate) version: u64,
    pub(crate) value: u64,
    pub(crate) effects: Vec<u64>,
    memory: Memory,
}

impl Board {
    fn seen(&self, cx: &Context<Self>) -> Seen {
        Seen::new(cx.tenure(), self.version, self.value, self.memory.of(cx))
    }

    fn change(&mut self, cx: &mut Context<Self>, effect: u64, by: u64) {
        self.version += 1;
        self.value = self.value.wrapping_add(by);
        self.effects.push(effect);
        if by != 2 {
            cx.emit(Told { effect, version: self.version });
        }
    }
}

#[actor(persist = volatile, events = Told)]
impl Board {
    /// Adds to the number.
    pub fn add(&mut self, cx: &mut Context<Self>, effect: u64, by: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Board, true);
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
        let _turn = self.memory.turn(cx, Role::Board, true);
        self.change(cx, effect, by);
        cx.sleep(Duration::from_millis(ms)).await;
        self.seen(cx)
    }

    /// Hears what a ledger was like when a turn of its began: that has left its node, as a reply does.
    pub fn hear(&mut self, cx: &mut Context<Self>, of: String, seen: Seen, at: u64) {
        let _turn = self.memory.turn(cx, Role::Board, true);
        seen.heard(Role::Ledger, &of, Instant::from_nanos(at));
    }

    /// Reads.
    pub fn get(&self, cx: &Context<Self>) -> Seen {
        let _turn = self.memory.turn(cx, Role::Board, false);
        self.seen(cx)
    }

    /// Reads, and takes its time.
    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> Seen {
        let _turn = self.memory.turn(cx, Role::Board, false);
        cx.sleep(Duration::from_millis(ms)).await;
        self.seen(cx)
    }

    /// Leaves memory.
    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

use std::collections::BTreeMap;

use std::time::Duration;

use tenure_types::{Incarnation, Instant, Planted, Slot};

use super::message::URGENT_SLOTS_MAX;
use super::schedule::Due;
use super::{Cluster, Effect, Message};

/// Slots for which somebody begins to wait within this time are asked for together: a message to each member, not one for each
/// slot.
const HURRIED_TOGETHER: Duration = Duration::from_millis(1);

impl Cluster {
    /// Asks for the reports that are missing, and accuses who withholds one for too long.
    pub(super) fn ask_again(&mut self, now: Instant) {
        let mut asks: BTreeMap<(Incarnation, u32), Vec<Slot>> = BTreeMap::new();
        let mut accused = Vec::new();
        let mut next: Option<Instant> = None;
        let (ask_again, ask_again_max) = (self.config.ask_again, self.config.ask_again_max);
        for slot in &self.closed {
            let Some(owned) = self.owned.get_mut(slot) else { continue };
            if owned.ask_at <= now {
                let asked = owned.asked;
                owned.asked = asked.saturating_add(1);
                let pause = ask_again.saturating_mul(1 << asked.min(8)).min(ask_again_max);
                owned.ask_at = now + pause;
                let is_late = now.saturating_since(owned.since) > self.config.report_patience;
                for member in owned.awaited.members() {
                    asks.entry((member, asked)).or_default().push(*slot);
                    if is_late && member != self.me && !accused.contains(&member) {
                        accused.push(member);
                    }
                }
            }
            next = Some(next.map_or(owned.ask_at, |at| at.min(owned.ask_at)));
        }
        let view = self.view.number;
        let len_max = self.config.report_len_max;
        for ((member, asked), slots) in asks {
            for slots in slots.chunks(len_max) {
                self.send_again(asked, member, Message::AskReport { view, slots: slots.to_vec() });
            }
        }
        self.effects.extend(accused.into_iter().map(Effect::Accuse));
        if let Some(at) = next {
            self.at(at, Due::Asks);
        }
    }

    /// Somebody waits for a slot that is closed: its reports are asked for before those of others, and again if the last
    /// asking is not fresh.
    pub(super) fn hurry(&mut self, now: Instant, slot: Slot) {
        let has_many = self.closed.len() > URGENT_SLOTS_MAX;
        let Some(owned) = self.owned.get_mut(&slot).filter(|it| !it.is_reported()) else { return };
        if has_many && !owned.hurried {
            owned.hurried = true;
            self.hurried.insert(slot);
            self.at(now + HURRIED_TOGETHER, Due::Hurry);
            return;
        }
        let fresh = self.config.ask_again / 2;
        if owned.ask_at > now + fresh {
            owned.ask_at = now + fresh;
            self.at(now + fresh, Due::Asks);
        }
    }

    /// Asks for the reports of slots for which somebody waits, in messages that are answered at once.
    pub(super) fn ask_hurried(&mut self) {
        let mut asks: BTreeMap<Incarnation, Vec<Slot>> = BTreeMap::new();
        for slot in std::mem::take(&mut self.hurried) {
            let Some(owned) = self.owned.get(&slot).filter(|it| !it.is_reported()) else {
                continue;
            };
            for member in owned.awaited.members() {
                asks.entry(member).or_default().push(slot);
            }
        }
        let view = self.view.number;
        for (member, slots) in asks {
            for slots in slots.chunks(URGENT_SLOTS_MAX) {
                self.send(member, Message::AskReport { view, slots: slots.to_vec() });
            }
        }
    }

    /// The directory of the slot is another's affair from now on.
    pub(super) fn give_up(&mut self, slot: Slot) {
        if Planted::SkippedReport.is_planted() {
            return;
        }
        let Some(owned) = self.owned.remove(&slot) else { return };
        self.closed.remove(&slot);
        self.awaited.remove(&slot);
        let view = self.view.number;
        for (actor, waiting) in owned.waiting {
            for caller in waiting.callers {
                self.send(caller, Message::WrongOwner { actor: actor.clone(), view });
            }
        }
        for (actor, callers) in owned.awaiting.into_callers() {
            for caller in callers {
                self.send(caller, Message::WrongOwner { actor: actor.clone(), view });
            }
        }
    }
}

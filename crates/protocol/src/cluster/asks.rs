use std::collections::BTreeMap;

use tenure_types::{Incarnation, Instant, Planted, Slot, ViewNumber};

use super::schedule::Due;
use super::{Cluster, Effect, Message};
use crate::slot::{Reported, SlotReport};

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

    /// Somebody waits for a slot that is closed: its reports are asked for at once, if the last
    /// asking is not fresh.
    pub(super) fn hurry(&mut self, now: Instant, slot: Slot) {
        let Some(owned) = self.owned.get_mut(&slot).filter(|it| !it.is_reported()) else { return };
        let fresh = self.config.ask_again / 2;
        if owned.ask_at > now + fresh {
            owned.ask_at = now + fresh;
            self.at(now + fresh, Due::Asks);
        }
    }

    /// The owner of slots asks what this member has there. It is promised that no grant of an earlier
    /// view is taken there any more, and a directory of such a slot is given up.
    pub(super) fn hear_ask(&mut self, from: Incarnation, view: ViewNumber, slots: &[Slot]) {
        if view < self.view.number {
            let view = self.view.number;
            return self.send(from, Message::Behind { view });
        }
        self.hear_view(view);
        let mut reports = Vec::new();
        let is_same = view == self.view.number;
        for slot in slots {
            if is_same && self.ring.owner(*slot) != Some(from) {
                continue;
            }
            if !self.promises.report(*slot, view) {
                let view = self.promises.reported(*slot);
                self.send(from, Message::Behind { view });
                continue;
            }
            if from != self.me {
                self.give_up(*slot);
            }
            self.report(*slot, &mut reports);
        }
        self.send_reports(from, view, reports);
    }

    fn report(&mut self, slot: Slot, reports: &mut Vec<SlotReport>) {
        self.reports += 1;
        let number = self.reports;
        let entries: Vec<Reported> = self
            .hosted
            .in_slot(slot)
            .map(|(actor, hosted)| Reported {
                actor: actor.clone(),
                tenure: hosted.tenure,
                durable: hosted.durable,
                as_what: hosted.stands,
            })
            .collect();
        let len_max = self.config.report_len_max;
        let parts = u32::try_from(entries.len().div_ceil(len_max).max(1)).unwrap_or(u32::MAX);
        if entries.is_empty() {
            reports.push(SlotReport { slot, number, part: 0, parts, entries });
            return;
        }
        for (part, entries) in (0..).zip(entries.chunks(len_max)) {
            reports.push(SlotReport { slot, number, part, parts, entries: entries.to_vec() });
        }
    }

    /// Sends reports, as many in a message as its bound allows.
    fn send_reports(&mut self, to: Incarnation, view: ViewNumber, reports: Vec<SlotReport>) {
        let len_max = self.config.report_len_max;
        let (mut slots, mut len) = (Vec::new(), 0);
        for report in reports {
            let more = report.entries.len() + 1;
            if !slots.is_empty() && len + more > len_max {
                let full = std::mem::take(&mut slots);
                self.send(to, Message::Report { view, slots: full });
                len = 0;
            }
            len += more;
            slots.push(report);
        }
        if !slots.is_empty() {
            self.send(to, Message::Report { view, slots });
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

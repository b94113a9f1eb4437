//! As host: what this member has in slots that others own.
//!
//! A member that dies leaves thousands of slots to each of the others, in which this one may have hundreds of thousands of
//! actors. They are reported a piece at a time, so that everything else goes on between two pieces; a question
//! for few slots, in which somebody waits, is answered at once.

use std::collections::BTreeSet;
use std::ops::Bound;

use tenure_types::{Incarnation, Slot, ViewNumber};

use super::message::URGENT_SLOTS_MAX;
use super::state::Asked;
use super::{Cluster, Message};
use crate::slot::{Reported, ReportedAs, SlotReport};

/// How many of those are remembered to have asked whom the view does not list yet: a peer may give itself any number.
const STRANGERS_MAX: usize = 64;

impl Cluster {
    /// The owner of slots asks what this member has there. It is promised that no grant of an earlier
    /// view is taken there any more, and a directory of such a slot is given up.
    pub(super) fn hear_ask(&mut self, from: Incarnation, view: ViewNumber, slots: &[Slot]) {
        if view < self.view.number {
            let view = self.view.number;
            return self.send(from, Message::Behind { view });
        }
        self.hear_view(view);
        if slots.len() <= URGENT_SLOTS_MAX {
            return self.report_slots(from, view, slots.iter().copied());
        }
        // One of a later view is known soon, and asks again if it is not remembered.
        let is_strange = |it: &Incarnation| self.view.member(*it).is_none();
        if is_strange(&from)
            && self.asked.keys().filter(|it| is_strange(it)).count() >= STRANGERS_MAX
        {
            return;
        }
        let through = self.came_through;
        let asked = self.asked.entry(from).or_insert_with(|| Asked {
            view,
            through,
            slots: BTreeSet::new(),
        });
        asked.view = asked.view.max(view);
        // Who was answered directly once is answered so.
        asked.through = asked.through.and(through);
        asked.slots.extend(slots);
    }

    /// Whether owners wait for reports that are put off.
    #[must_use]
    pub fn is_reporting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Reports to one of those who asked, each in turn, about as much as fits into a message.
    pub(super) fn report_some(&mut self) {
        let after = (Bound::Excluded(self.reported_to), Bound::Unbounded);
        let next = self.asked.range(after).next().or_else(|| self.asked.first_key_value());
        let Some(to) = next.map(|(to, _)| *to) else { return };
        let Some(mut asked) = self.asked.remove(&to) else { return };
        self.reported_to = to;
        if self.is_unheard(to) {
            return;
        }
        self.came_through = asked.through;
        if asked.view < self.view.number {
            // What it still keeps in this view it is told by this one.
            asked.view = self.view.number;
            self.send(to, Message::Behind { view: asked.view });
        }
        let view = asked.view;
        let (mut piece, mut len) = (Vec::new(), 0);
        while len < self.config.report_len_max
            && let Some(slot) = asked.slots.pop_first()
        {
            len += 1 + self.hosted.in_slot(slot).count();
            piece.push(slot);
        }
        self.report_slots(to, view, piece.into_iter());
        self.came_through = None;
        if !asked.slots.is_empty() {
            self.asked.insert(to, asked);
        }
    }

    fn report_slots(
        &mut self,
        to: Incarnation,
        view: ViewNumber,
        slots: impl Iterator<Item = Slot>,
    ) {
        let mut reports = Vec::new();
        let is_same = view == self.view.number;
        for slot in slots {
            if is_same && self.ring.owner(slot) != Some(to) {
                continue;
            }
            if !self.promises.report(slot, view) {
                let view = self.promises.reported(slot);
                self.send(to, Message::Behind { view });
                continue;
            }
            if to != self.me {
                self.give_up(slot);
            }
            self.report(to, slot, &mut reports);
        }
        self.send_reports(to, view, reports);
    }

    fn report(&mut self, to: Incarnation, slot: Slot, reports: &mut Vec<SlotReport>) {
        for (_, hosted) in self.hosted.in_slot(slot) {
            if let ReportedAs::Moving(id) = hosted.stands
                && let Some(outgoing) = self.moves.get_mut(&id)
            {
                outgoing.reported_to = Some(to);
            }
        }
        self.reports += 1;
        let number = self.reports;
        let len_max = self.config.report_len_max;
        let len = self.hosted.in_slot(slot).count();
        let parts = u32::try_from(len.div_ceil(len_max).max(1)).unwrap_or(u32::MAX);
        let mut entries = self.hosted.in_slot(slot).map(|(actor, hosted)| Reported {
            actor: actor.clone(),
            tenure: hosted.tenure,
            durable: hosted.durable,
            as_what: hosted.stands,
        });
        for part in 0..parts {
            let entries = entries.by_ref().take(len_max).collect();
            reports.push(SlotReport { slot, number, part, parts, entries });
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
}

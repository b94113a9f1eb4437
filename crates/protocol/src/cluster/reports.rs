use std::cmp::Ordering;

use tenure_types::{ActorId, Incarnation, Instant, Slot, Tenure, ViewNumber};

use super::effect::Alarm;
use super::{Cluster, Effect, Message, Views};
use crate::directory::{Entry, Standing};
use crate::slot::{Parts, Reported, ReportedAs, SlotReport};

impl Cluster {
    /// What a member has in slots of this one. Taken once, and only what was asked for since the slot
    /// was acquired.
    pub(super) fn hear_report(
        &mut self,
        now: Instant,
        from: Incarnation,
        view: ViewNumber,
        reports: Vec<SlotReport>,
    ) {
        for report in reports {
            let slot = report.slot;
            let Some(owned) = self.owned.get_mut(&slot).filter(|it| it.view <= view) else {
                continue;
            };
            let Some(parts) = owned.awaited.get_mut(from) else { continue };
            let (is_new, is_whole) = Parts::take(parts, &report);
            if is_whole {
                owned.awaited.remove(from);
            }
            if is_new {
                report.entries.into_iter().for_each(|it| self.enter_reported(slot, from, it));
            }
            if self.owned.get(&slot).is_some_and(|owned| owned.is_reported()) {
                self.closed.remove(&slot);
                self.serve_slot(now, slot);
                self.serve_awaiting(slot);
            }
        }
    }

    /// Enters what a member reported. Of two that report one actor the one with the higher right has
    /// it: the other's move was decided, or its end.
    fn enter_reported(&mut self, slot: Slot, from: Incarnation, reported: Reported) {
        let views_agreed = self.config.views == Views::Agreed;
        let Some(owned) = self.owned.get_mut(&slot) else { return };
        let new = Entry::reported(from, &reported);
        let Reported { actor, tenure, as_what, .. } = reported;
        let Some(known) = owned.entries.get_mut(&actor) else {
            owned.entries.insert(actor, new);
            return;
        };
        let other = (known.host, known.tenure);
        match known.tenure.cmp(&tenure) {
            Ordering::Less => {
                *known = new;
                if !views_agreed {
                    self.tell_loser(actor, other);
                }
            }
            Ordering::Equal if !views_agreed && other.0 != from => {
                // Two owners gave the same number. One goes, whichever.
                self.tell_loser(actor, (from, tenure));
            }
            // A part of an earlier report of the same member.
            Ordering::Equal => {
                known.standing = Standing::Placed;
                known.undecided = known.undecided.or(new.undecided);
            }
            Ordering::Greater if !views_agreed => self.tell_loser(actor, (from, tenure)),
            Ordering::Greater if as_what == ReportedAs::Live && known.is_placed() => {
                let (kept, other) = (other, (from, tenure));
                self.effects.push(Effect::Alarm(Alarm::TwoLive { actor, kept, other }));
            }
            Ordering::Greater => {}
        }
    }

    /// Where views were not agreed on, two members may run one actor: this one's is to leave.
    fn tell_loser(&mut self, actor: ActorId, (host, tenure): (Incarnation, Tenure)) {
        self.send(host, Message::Unregistered { actor, tenure });
    }
}

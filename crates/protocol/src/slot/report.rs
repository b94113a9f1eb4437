use std::collections::BTreeSet;

use tenure_types::{ActorId, Slot, Tenure};

use crate::migration::MoveId;

/// The most parts of one report. One that claims more is not taken, and its slot stays closed.
pub const REPORT_PARTS_MAX: u32 = 65_536;

/// What a member tells the owner of a slot, or one part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotReport {
    /// Which slot.
    pub slot: Slot,
    /// Counts the reports of the member: parts of one number belong together.
    pub number: u64,
    /// Which part this is, from 0.
    pub part: u32,
    /// How many parts there are, 1 to [`REPORT_PARTS_MAX`].
    pub parts: u32,
    /// What the member has in that slot.
    pub entries: Vec<Reported>,
}

/// One activation that a member has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reported {
    /// Whose activation.
    pub actor: ActorId,
    /// Under which right.
    pub tenure: Tenure,
    /// Whether its replies wait for the store.
    pub durable: bool,
    /// What it is about to do.
    pub as_what: ReportedAs,
}

/// Where a reported activation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportedAs {
    /// It runs turns.
    Live,
    /// It is sealed and waits to be unregistered.
    Leaving,
    /// It is sealed and about to move.
    Moving(MoveId),
}

/// The parts of one member's report that came so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parts {
    number: u64,
    came: BTreeSet<u32>,
}

impl Parts {
    /// Takes a part: whether it is new, and whether it was the last one missing. A part of another
    /// report begins anew; one of an older report is not taken.
    pub(crate) fn take(known: &mut Option<Parts>, report: &SlotReport) -> (bool, bool) {
        let part = report.part;
        if report.parts > REPORT_PARTS_MAX || part >= report.parts.max(1) {
            return (false, false);
        }
        let is_newer = known.as_ref().is_none_or(|parts| parts.number < report.number);
        if is_newer && report.parts <= 1 {
            // Most reports are of one part: there is nothing to remember.
            return (true, true);
        }
        if is_newer {
            // What came, and not what is missing: a peer may claim any number of parts.
            *known = Some(Parts { number: report.number, came: BTreeSet::new() });
        }
        let Some(parts) = known.as_mut().filter(|parts| parts.number == report.number) else {
            return (false, false);
        };
        let is_new = parts.came.insert(part);
        (is_new, is_new && parts.came.len() == report.parts as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u64, part: u32, parts: u32) -> SlotReport {
        SlotReport { slot: Slot::default(), number, part, parts, entries: Vec::new() }
    }

    #[test]
    fn a_report_is_whole_when_all_its_parts_came_in_any_order() {
        let mut known = None;
        for (report, expected) in [
            (part(1, 1, 2), (true, false)),
            (part(1, 1, 2), (false, false)), // twice
            (part(2, 2, 3), (true, false)),  // asked again: begins anew
            (part(1, 0, 2), (false, false)), // late
            (part(2, 0, 3), (true, false)),
            (part(2, 1, 3), (true, true)),
            (part(2, 1, 3), (false, false)),
            (part(3, 0, 1), (true, true)),
            (part(4, 0, 0), (true, true)), // a peer that says nonsense
            (part(5, 0, u32::MAX), (false, false)), // one that claims a great deal
            (part(5, 0, REPORT_PARTS_MAX + 1), (false, false)),
            (part(5, 0, REPORT_PARTS_MAX), (true, false)),
            (part(6, 3, 3), (false, false)), // a part that there is not
        ] {
            assert_eq!(Parts::take(&mut known, &report), expected, "{report:?}");
        }
    }
}

//! What one follower of an actor has heard, and whether it may have.

use std::collections::HashSet;

use tenure_protocol::session::Position;

/// More say nothing new.
const WRONG_MAX: usize = 5;

/// What a follower is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It begins behind this position; anew, if it knew one before.
    Began(Position),
    /// A turn of its actor, by its id; `None` where what came is no such thing.
    Event(Position, Option<u64>),
}

/// What one follower has heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Where it is.
    pub(super) at: Option<Position>,
    /// Events that came.
    pub(super) events: u64,
    /// How often it was told to begin anew.
    pub(super) resets: u64,
    /// Events that never came, though what follows them did, or nothing did.
    pub(super) lost: u64,
    /// Events that came again.
    pub(super) doubled: u64,
    /// Each of what must not be, in words.
    pub(super) wrong: Vec<String>,
    /// What came without a gap, the newest last.
    parts: Vec<Part>,
}

/// Events of one log in a row.
#[derive(Debug)]
struct Part {
    /// What came before the first one.
    begin: Position,
    ids: Vec<Option<u64>>,
}

/// What an actor has published, when nothing more comes.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// Where its log ends.
    pub(super) end: Position,
    /// How many turns it says there were: each published one event.
    pub(super) count: u64,
    /// The numbers and ids of turns that were acknowledged, where none may be lost.
    pub(super) acknowledged: Vec<(u64, u64)>,
    /// Whether its events outlive a move, so that nobody has to begin anew.
    pub(super) keeps_log: bool,
}

impl Heard {
    /// Takes what the follower is told next.
    pub(super) fn take(&mut self, told: Told) {
        let (at, id) = match told {
            Told::Began(at) => {
                self.resets += u64::from(self.at.is_some());
                self.go_on_behind(at);
                return;
            }
            Told::Event(at, id) => (at, id),
        };
        self.events += 1;
        if id.is_none() {
            self.find(format!("what came as {at} is no turn"));
        }
        let Some(before) = self.at else {
            self.find(format!("{at} came before the stream began"));
            return;
        };
        if at.epoch != before.epoch {
            self.find(format!("{at} came after {before}, and nobody said that the log is another"));
            self.go_on_behind(Position { offset: at.offset.saturating_sub(1), ..at });
        } else if at.offset <= before.offset {
            self.doubled += 1;
            self.find(format!("{at} came again, after {before}"));
            return;
        } else if at.offset > before.offset + 1 {
            self.lost += at.offset - before.offset - 1;
            self.find(format!("{at} came after {before}"));
            self.go_on_behind(Position { offset: at.offset - 1, ..at });
        }
        self.at = Some(at);
        if let Some(part) = self.parts.last_mut() {
            part.ids.push(id);
        }
    }

    /// Compares all that was heard with what was published, when nothing more comes.
    pub(super) fn compare(&mut self, published: &Published) {
        let Published { end, count, acknowledged, keeps_log } = published;
        self.compare_end(*end);
        let ids = self.parts.iter().flat_map(|part| &part.ids).copied().flatten();
        let mut seen = HashSet::new();
        let again: Vec<u64> = ids.filter(|id| !seen.insert(*id)).collect();
        self.doubled += again.len() as u64;
        for id in again {
            self.find(format!("turn {id} came under two numbers"));
        }
        // Whoever began anew has another log, whose numbers are others.
        if self.resets > 0 && *keeps_log {
            self.find(format!("it was told to begin anew {} times", self.resets));
            return;
        }
        if *count != end.offset {
            self.find(format!("the actor counts {count} turns, and its log ends with {end}"));
        }
        for (version, id) in acknowledged {
            match self.id_at(*version) {
                Some(heard) if heard == *id => {}
                Some(heard) => {
                    self.lost += 1;
                    self.find(format!("turn {id} is number {version}, and {heard} came so"));
                }
                None if *version > end.offset => {
                    self.lost += 1;
                    self.find(format!(
                        "turn {id} is number {version}, and the log ends with {end}"
                    ));
                }
                // What is missing before the end is counted already; the rest was there before it came.
                None => {}
            }
        }
    }

    fn compare_end(&mut self, end: Position) {
        let at = self.at.unwrap_or_default();
        if at == end {
            return;
        }
        let is_same = at.epoch == end.epoch;
        self.lost += if is_same { end.offset.saturating_sub(at.offset).max(1) } else { 1 };
        self.find(format!("it is at {at} in the end, and the log ends with {end}"));
    }

    /// Which turn came under this number, where all that came is of one log.
    fn id_at(&self, version: u64) -> Option<u64> {
        let part = self.parts.iter().rev().find(|part| part.begin.offset < version)?;
        part.ids.get((version - part.begin.offset - 1) as usize).copied().flatten()
    }

    fn go_on_behind(&mut self, begin: Position) {
        self.at = Some(begin);
        self.parts.push(Part { begin, ids: Vec::new() });
    }

    /// Notes something that must not be.
    pub(super) fn find(&mut self, what: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(epoch: u64, offset: u64) -> Position {
        Position { epoch, offset }
    }

    /// Turn 10 is the first one, 11 the second, and so on.
    fn event(offset: u64) -> Told {
        Told::Event(at(7, offset), Some(9 + offset))
    }

    fn published(count: u64) -> Published {
        let acknowledged = (1..=count).map(|version| (version, 9 + version)).collect();
        Published { end: at(7, count), count, acknowledged, keeps_log: true }
    }

    /// What is lost, what is doubled, how often it began anew, and how much is wrong.
    fn judge(told: &[Told], published: &Published) -> (u64, u64, u64, usize) {
        let mut heard = Heard::default();
        told.iter().for_each(|told| heard.take(*told));
        heard.compare(published);
        (heard.lost, heard.doubled, heard.resets, heard.wrong.len())
    }

    #[test]
    fn what_comes_once_and_in_order_is_well() {
        let begin = Told::Began(at(7, 0));
        assert_eq!(judge(&[begin, event(1), event(2), event(3)], &published(3)), (0, 0, 0, 0));
        // Whoever comes later has not heard what was there before it.
        assert_eq!(judge(&[Told::Began(at(7, 2)), event(3)], &published(3)), (0, 0, 0, 0));
        assert_eq!(judge(&[begin], &published(0)), (0, 0, 0, 0));
    }

    #[test]
    fn a_lost_event_is_found() {
        let begin = Told::Began(at(7, 0));
        for (told, lost, why) in [
            (&[begin, event(1), event(3), event(4)][..], 1, "in the middle"),
            (&[begin, event(3), event(4)][..], 2, "at the beginning"),
            (&[begin, event(1), event(2)][..], 2, "at the end"),
            (&[begin][..], 4, "all of them"),
            (&[][..], 1, "nothing ever came"),
        ] {
            let (found, doubled, _, wrong) = judge(told, &published(4));
            assert_eq!((found, doubled), (lost, 0), "{why}");
            assert!(wrong > 0, "{why}");
        }
        // One that was acknowledged and is not in the log, and one in whose place another one is.
        let mut short = published(2);
        short.acknowledged.push((3, 12));
        assert_eq!(judge(&[begin, event(1), event(2)], &short).0, 1);
        let other = Told::Event(at(7, 2), Some(99));
        assert_eq!(judge(&[begin, event(1), other], &published(2)).0, 1);
        // The actor has counted a turn of which its log knows nothing.
        assert_eq!(judge(&[begin, event(1)], &Published { count: 2, ..published(1) }).3, 1);
    }

    #[test]
    fn a_doubled_event_is_found() {
        let begin = Told::Began(at(7, 0));
        let told = [begin, event(1), event(2), event(1), event(2), event(3)];
        assert_eq!(judge(&told, &published(3)), (0, 2, 0, 2));
        // Under another number, too.
        let again = Told::Event(at(7, 3), Some(11));
        let mut unknown = published(3);
        unknown.acknowledged.pop();
        assert_eq!(judge(&[begin, event(1), event(2), again], &unknown), (0, 1, 0, 1));
    }

    #[test]
    fn whoever_begins_anew_has_lost_nothing_and_is_counted() {
        let told = [Told::Began(at(7, 0)), event(1), Told::Began(at(8, 1))];
        let next = Told::Event(at(8, 2), Some(20));
        let volatile =
            Published { end: at(8, 2), count: 2, acknowledged: Vec::new(), keeps_log: false };
        assert_eq!(judge(&[&told[..], &[next]].concat(), &volatile), (0, 0, 1, 0));
        let stored = Published { keeps_log: true, ..volatile.clone() };
        assert_eq!(judge(&[&told[..], &[next]].concat(), &stored), (0, 0, 1, 1));
        // What came in the log before comes in no other one.
        let again = Told::Event(at(8, 2), Some(10));
        assert_eq!(judge(&[&told[..], &[again]].concat(), &volatile), (0, 1, 1, 1));
        // A log that changes and nobody says so.
        assert_eq!(judge(&[told[0], event(1), next], &volatile).3, 1);
    }
}

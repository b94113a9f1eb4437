use std::collections::BTreeSet;

use tenure_types::Instant;

/// What an operation did to one number, as its client knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// It was read as this.
    Read(u64),
    /// It was changed by adding; the reply told what came of it, if there was one.
    Add {
        /// How much.
        by: u64,
        /// The number afterwards.
        told: Option<u64>,
    },
    /// It was replaced.
    Set(u64),
}

impl Step {
    /// The number after this step on `number`; `None` where the step cannot stand there.
    fn apply(self, number: u64) -> Option<u64> {
        match self {
            Step::Read(told) => (told == number).then_some(number),
            Step::Add { by, told } => {
                let after = number.wrapping_add(by);
                told.is_none_or(|told| told == after).then_some(after)
            }
            Step::Set(to) => Some(to),
        }
    }
}

/// An operation and the time in which it must have had its effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// What it did.
    pub step: Step,
    /// Its effect did not come before.
    pub sent: Instant,
    /// Its effect did not come later; `None`: it may come at any time or never.
    pub ended: Option<Instant>,
}

/// What [`linearize`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked {
    /// There is an order.
    Linearizable,
    /// There is none.
    Contradiction {
        /// The operation, by its index, that could be placed in none of the longest orders found: the first
        /// of them to end.
        stuck: usize,
    },
    /// The search met its bound and says nothing.
    Exhausted,
}

/// Searches an order of `operations` on a number that is first `initial`, in which each stands within its
/// interval (Wing and Gong 1993, "Testing and verifying concurrent objects"), remembering sets of placed
/// operations with the number they lead to (Lowe 2017, "Testing for linearizability"). Knows nothing of
/// versions and tenures. At most `states_max` of those are remembered; each costs a bit an operation.
#[must_use]
pub fn linearize(initial: u64, operations: &[Interval], states_max: usize) -> Checked {
    Search::new(initial, operations).run(states_max)
}

const HEAD: usize = 0;

/// A sending or an ending, in a list by time that placed operations are lifted out of.
#[derive(Clone, Copy)]
struct Moment {
    operation: usize,
    is_end: bool,
    before: usize,
    after: Option<usize>,
}

struct Search<'a> {
    operations: &'a [Interval],
    moments: Vec<Moment>,
    /// Where the moments of each operation are.
    sendings: Vec<usize>,
    endings: Vec<Option<usize>>,
    placed: Vec<u64>,
    number: u64,
    /// Placed operations with the number before each.
    stack: Vec<(usize, u64)>,
    seen: BTreeSet<(Vec<u64>, u64)>,
    longest: usize,
    stuck: usize,
}

impl<'a> Search<'a> {
    fn new(initial: u64, operations: &'a [Interval]) -> Self {
        let mut times: Vec<(Instant, bool, usize)> = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            times.push((operation.sent, false, index));
            times.extend(operation.ended.map(|ended| (ended, true, index)));
        }
        // Sendings first: what ends at the moment at which another is sent lies beside it.
        times.sort_unstable();
        let mut moments = vec![Moment { operation: 0, is_end: false, before: 0, after: None }];
        let mut sendings = vec![0; operations.len()];
        let mut endings = vec![None; operations.len()];
        for (_, is_end, operation) in times {
            let index = moments.len();
            moments[index - 1].after = Some(index);
            moments.push(Moment { operation, is_end, before: index - 1, after: None });
            if is_end {
                endings[operation] = Some(index);
            } else {
                sendings[operation] = index;
            }
        }
        Self {
            operations,
            moments,
            sendings,
            endings,
            placed: vec![0; operations.len().div_ceil(64)],
            number: initial,
            stack: Vec::new(),
            seen: BTreeSet::new(),
            longest: 0,
            stuck: 0,
        }
    }

    fn run(mut self, states_max: usize) -> Checked {
        let mut cursor = self.moments[HEAD].after;
        // Behind the last ending only operations are left that need not be placed.
        while let Some(at) = cursor {
            let Moment { operation, is_end, after, .. } = self.moments[at];
            if is_end {
                if self.stack.len() >= self.longest {
                    (self.longest, self.stuck) = (self.stack.len(), operation);
                }
                let Some((last, number)) = self.stack.pop() else {
                    return Checked::Contradiction { stuck: self.stuck };
                };
                self.number = number;
                self.flip(last);
                self.put_back(last);
                cursor = self.moments[self.sendings[last]].after;
                continue;
            }
            cursor = after;
            if let Some(number) = self.operations[operation].step.apply(self.number) {
                self.flip(operation);
                if self.seen.len() >= states_max {
                    return Checked::Exhausted;
                }
                if self.seen.insert((self.placed.clone(), number)) {
                    self.stack.push((operation, self.number));
                    self.number = number;
                    self.lift(operation);
                    cursor = self.moments[HEAD].after;
                } else {
                    self.flip(operation);
                }
            }
        }
        Checked::Linearizable
    }

    fn flip(&mut self, operation: usize) {
        self.placed[operation / 64] ^= 1 << (operation % 64);
    }

    fn lift(&mut self, operation: usize) {
        for at in [Some(self.sendings[operation]), self.endings[operation]].into_iter().flatten() {
            let Moment { before, after, .. } = self.moments[at];
            self.moments[before].after = after;
            if let Some(after) = after {
                self.moments[after].before = before;
            }
        }
    }

    /// In the opposite order of [`Search::lift`], as the list is that of the moment before it.
    fn put_back(&mut self, operation: usize) {
        for at in [self.endings[operation], Some(self.sendings[operation])].into_iter().flatten() {
            let Moment { before, after, .. } = self.moments[at];
            self.moments[before].after = Some(at);
            if let Some(after) = after {
                self.moments[after].before = at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::staging::at;
    use super::*;
    use crate::entropy::Dice;

    const STATES_MAX: usize = 100_000;

    fn interval(step: Step, sent: u64, ended: Option<u64>) -> Interval {
        Interval { step, sent: at(sent), ended: ended.map(at) }
    }

    fn add(told: Option<u64>, sent: u64, ended: Option<u64>) -> Interval {
        interval(Step::Add { by: 1, told }, sent, ended)
    }

    #[test]
    fn small_histories() {
        let read = |told, sent, ended| interval(Step::Read(told), sent, Some(ended));
        let set = |to, sent, ended| interval(Step::Set(to), sent, ended);
        for (operations, expected) in [
            (vec![], true),
            (vec![add(Some(1), 0, Some(1)), read(1, 2, 3)], true),
            (vec![add(Some(1), 0, Some(1)), read(0, 2, 3)], false),
            (vec![add(Some(1), 0, Some(5)), read(0, 2, 3)], true),
            (vec![add(Some(1), 0, Some(2)), read(0, 2, 3)], true),
            (vec![add(None, 0, None), read(0, 2, 3), read(1, 4, 5)], true),
            (vec![add(None, 0, None), read(1, 2, 3), read(0, 4, 5)], false),
            (vec![add(Some(1), 0, Some(1)), add(Some(1), 2, Some(3))], false),
            (vec![add(Some(2), 0, Some(9)), add(Some(1), 0, Some(9))], true),
            (vec![set(5, 0, Some(9)), set(6, 0, Some(9)), read(5, 10, 11), read(6, 12, 13)], false),
            (vec![set(5, 0, Some(9)), set(6, 0, Some(9)), read(6, 10, 11)], true),
        ] {
            let checked = linearize(0, &operations, STATES_MAX);
            assert_eq!(checked == Checked::Linearizable, expected, "{operations:?} {checked:?}");
        }
    }

    #[test]
    fn a_contradiction_names_an_operation() {
        let operations = [
            add(Some(1), 0, Some(1)),
            add(Some(2), 2, Some(3)),
            interval(Step::Read(7), 4, Some(5)),
            add(Some(3), 6, Some(7)),
        ];
        assert_eq!(linearize(0, &operations, STATES_MAX), Checked::Contradiction { stuck: 2 });
    }

    /// Without the bound this searches all subsets of twenty.
    #[test]
    fn a_search_that_meets_its_bound_says_so() {
        let mut operations: Vec<_> =
            (0..20).map(|by| interval(Step::Add { by: 1 << by, told: None }, 0, None)).collect();
        operations.push(interval(Step::Read(u64::MAX), 1, Some(2)));
        assert_eq!(linearize(0, &operations, 1_000), Checked::Exhausted);
    }

    #[test]
    fn the_search_agrees_with_brute_force() {
        let mut dice = Dice::new(11);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..20_000 {
            let operations: Vec<_> = (0..=dice.below(5)).map(|_| random(&mut dice)).collect();
            let expected = brute(&operations);
            let checked = linearize(0, &operations, STATES_MAX);
            assert_eq!(checked == Checked::Linearizable, expected, "{operations:?} {checked:?}");
            if expected { good += 1 } else { bad += 1 }
        }
        assert!(good > 2_000 && bad > 2_000, "{good} good, {bad} bad");
    }

    fn random(dice: &mut Dice) -> Interval {
        let sent = dice.below(10);
        let ended = (!dice.one_in(4)).then(|| sent + dice.below(6));
        let step = match dice.below(3) {
            0 => Step::Read(dice.below(4)),
            1 => {
                let told = ended.map(|_| 1 + dice.below(4));
                Step::Add { by: 1 + dice.below(2), told }
            }
            _ => Step::Set(dice.below(4)),
        };
        interval(step, sent, ended)
    }

    /// Every order of every subset that holds all operations that ended.
    fn brute(operations: &[Interval]) -> bool {
        (0..1_u32 << operations.len()).any(|subset| {
            let chosen = |index: usize| subset & (1 << index) != 0;
            let is_whole =
                operations.iter().enumerate().all(|(at, one)| one.ended.is_none() || chosen(at));
            let mut left: Vec<Interval> = Vec::new();
            left.extend(
                operations.iter().enumerate().filter(|&(at, _)| chosen(at)).map(|(_, one)| *one),
            );
            is_whole && orders(&mut left, 0)
        })
    }

    fn orders(items: &mut [Interval], from: usize) -> bool {
        if from == items.len() {
            return is_order(items);
        }
        (from..items.len()).any(|at| {
            items.swap(from, at);
            let found = orders(items, from + 1);
            items.swap(from, at);
            found
        })
    }

    fn is_order(items: &[Interval]) -> bool {
        let in_time = items.iter().enumerate().all(|(at, one)| {
            items[at + 1..].iter().all(|later| later.ended.is_none_or(|ended| ended >= one.sent))
        });
        in_time && items.iter().try_fold(0, |number, one| one.step.apply(number)).is_some()
    }
}

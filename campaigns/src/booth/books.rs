//! What agents and a section say of their seats, and whether it adds up.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// How a house is laid out.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) sections: u32,
    pub(super) rows: u32,
    pub(super) seats_per_row: u32,
    pub(super) agents: u32,
}

/// The books of an agent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AgentBooks {
    pub(super) number: u64,
    pub(super) lots: Vec<Lot>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Lot {
    pub(super) number: u64,
    pub(super) seats: BTreeMap<u16, Place>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Free,
    Held {},
    Sold { buyer: String },
}

/// The books of a section.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SectionBooks {
    /// 0 where nobody has asked for a seat.
    pub(super) seats: u32,
    pub(super) free: BTreeSet<u16>,
    pub(super) sold: BTreeMap<u16, String>,
    pub(super) out: Vec<Batch>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    pub(super) agent: u32,
    pub(super) number: u64,
    pub(super) seats: BTreeSet<u16>,
}

/// How many seats of a sample are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) free: u32,
    pub(super) held: u32,
    pub(super) sold: u32,
}

/// A sample, while it is added up.
#[derive(Default)]
struct Sample<'a> {
    sum: Sum,
    /// Every seat that somebody has, and who bought it.
    seats: BTreeMap<u16, Option<&'a str>>,
}

impl<'a> Sample<'a> {
    fn count(&mut self, seat: u16, place: &'a Place) -> Result<(), String> {
        match place {
            Place::Free => self.sum.free += 1,
            Place::Held {} => self.sum.held += 1,
            Place::Sold { .. } => self.sum.sold += 1,
        }
        let buyer = match place {
            Place::Sold { buyer } => Some(buyer.as_str()),
            Place::Free | Place::Held {} => None,
        };
        match self.seats.insert(seat, buyer) {
            None => Ok(()),
            Some(other) => Err(format!("two have seat {seat}, bought by {other:?} and {buyer:?}")),
        }
    }
}

/// Adds up a sample: what the agents said, and after all of them the section. `sold` has who was seen to have which seat
/// in earlier samples, and learns what this one says.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn judge(
    seats: u32,
    agents: &[AgentBooks],
    section: &SectionBooks,
    sold: &mut BTreeMap<u16, String>,
) -> Result<Sum, String> {
    let all: Vec<u16> = (0..seats as u16).filter(|_| section.seats == 0).collect();
    let home = all.iter().chain(&section.free).map(|seat| (*seat, Place::Free));
    let bought =
        section.sold.iter().map(|(seat, buyer)| (*seat, Place::Sold { buyer: buyer.clone() }));
    let home: Vec<(u16, Place)> = home.chain(bought).collect();
    let mut sample = Sample::default();
    for (seat, place) in &home {
        sample.count(*seat, place)?;
    }
    for Batch { agent, number, seats } in &section.out {
        let books =
            agents.get(*agent as usize).ok_or_else(|| format!("there is no agent {agent}"))?;
        match books.lots.iter().find(|lot| lot.number == *number) {
            Some(lot) if !lot.seats.keys().eq(seats) => {
                let has: Vec<_> = lot.seats.keys().collect();
                return Err(format!(
                    "batch {number} of agent {agent} is {seats:?}, and it has {has:?}"
                ));
            }
            Some(lot) => {
                lot.seats.iter().try_for_each(|(seat, place)| sample.count(*seat, place))?;
            }
            // The agent had not heard of it yet.
            None if books.number < *number => {
                seats.iter().try_for_each(|seat| sample.count(*seat, &Place::Free))?;
            }
            None => return Err(format!("agent {agent} has forgotten batch {number}: {seats:?}")),
        }
    }
    let Sum { free, held, sold: bought } = sample.sum;
    let last = sample.seats.keys().last().map_or(0, |seat| u32::from(*seat) + 1);
    if free + held + bought != seats || last != seats {
        return Err(format!(
            "{free} free + {held} held + {bought} sold is not {seats} (the last is {last})"
        ));
    }
    for (seat, buyer) in &*sold {
        let now = sample.seats[seat];
        if now != Some(buyer) {
            return Err(format!("seat {seat} was sold to {buyer}, and now it is {now:?}'s"));
        }
    }
    let bought =
        sample.seats.iter().filter_map(|(seat, buyer)| Some((*seat, (*buyer)?.to_owned())));
    *sold = bought.collect();
    Ok(sample.sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(number: u64, lot: u64, seats: &[(u16, &str)]) -> AgentBooks {
        let seats = seats.iter().map(|(seat, word)| {
            let place = match *word {
                "free" => Place::Free,
                "held" => Place::Held {},
                buyer => Place::Sold { buyer: buyer.to_owned() },
            };
            (*seat, place)
        });
        AgentBooks { number, lots: vec![Lot { number: lot, seats: seats.collect() }] }
    }

    fn section(free: &[u16], sold: &[(u16, &str)], out: &[(u32, u64, &[u16])]) -> SectionBooks {
        let out = out.iter().map(|(agent, number, seats)| Batch {
            agent: *agent,
            number: *number,
            seats: seats.iter().copied().collect(),
        });
        SectionBooks {
            seats: 4,
            free: free.iter().copied().collect(),
            sold: sold.iter().map(|(seat, buyer)| (*seat, (*buyer).to_owned())).collect(),
            out: out.collect(),
        }
    }

    #[test]
    fn what_adds_up_is_counted() {
        let none = BTreeMap::new();
        for (agents, section, expected) in [
            (vec![], SectionBooks::default(), (4, 0, 0)),
            (
                vec![agent(1, 1, &[(0, "held"), (1, "ada")])],
                section(&[2], &[(3, "bob")], &[(0, 1, &[0, 1])]),
                (1, 1, 2),
            ),
            // A batch that the agent has not heard of, and one that came home after it had spoken.
            (
                vec![agent(1, 1, &[(0, "held"), (1, "ada")])],
                section(&[0, 2], &[(1, "ada")], &[(0, 2, &[3])]),
                (3, 0, 1),
            ),
        ] {
            let (free, held, sold) = expected;
            let judged = judge(4, &agents, &section, &mut none.clone());
            assert_eq!(judged, Ok(Sum { free, held, sold }), "{section:?}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_found() {
        let held = || vec![agent(1, 1, &[(0, "held"), (1, "free")])];
        for (agents, section, words) in [
            (held(), section(&[1, 2, 3], &[], &[(0, 1, &[0, 1])]), "two have seat 1"),
            (held(), section(&[3], &[], &[(0, 1, &[0, 1, 2])]), "and it has [0, 1]"),
            (held(), section(&[3], &[], &[(0, 1, &[0, 1])]), "1 held + 0 sold is not 4"),
            (held(), section(&[1, 2, 4], &[(0, "ada")], &[]), "not 4 (the last is 5)"),
            (
                vec![agent(2, 2, &[])],
                section(&[2, 3], &[], &[(0, 1, &[0, 1])]),
                "forgotten batch 1",
            ),
            (held(), section(&[2, 3], &[], &[(1, 1, &[0, 1])]), "no agent 1"),
        ] {
            let judged = judge(4, &agents, &section, &mut BTreeMap::new());
            assert!(judged.as_ref().is_err_and(|why| why.contains(words)), "{words}: {judged:?}");
        }
    }

    #[test]
    fn who_has_a_seat_keeps_it() {
        let mut sold = BTreeMap::new();
        let first = section(&[1, 2, 3], &[(0, "ada")], &[]);
        judge(4, &[], &first, &mut sold).expect("it adds up");
        assert_eq!(sold, BTreeMap::from([(0, "ada".to_owned())]));
        for later in [section(&[0, 1, 2, 3], &[], &[]), section(&[1, 2, 3], &[(0, "bob")], &[])] {
            let why = judge(4, &[], &later, &mut sold).expect_err("she had it");
            assert!(why.contains("seat 0 was sold to ada"), "{why}");
        }
        let why = judge(4, &[], &SectionBooks::default(), &mut sold).expect_err("she had it");
        assert!(why.contains("seat 0 was sold to ada"), "{why}");
    }
}

use std::collections::{BTreeMap, BTreeSet};

use tenure::prelude::*;

use crate::names;
use crate::{House, HouseError, Plan};

/// A section of a house: its books name every seat of it once.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// As the house has it, from the first batch on. It never changes.
    plan: Option<Plan>,
    free: BTreeSet<u16>,
    /// Who bought what, as far as agents have told.
    sold: BTreeMap<u16, String>,
    /// What agents have.
    out: Vec<Batch>,
    /// The number of the last batch that each agent was handed.
    handed: Vec<u64>,
}

/// Seats that an agent was handed together, and brings home together.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which agent.
    pub agent: u32,
    /// Which of the agent's batches, from 1 on. A number is used once.
    pub number: u64,
    /// Which seats, counted row by row from 0.
    pub seats: BTreeSet<u16>,
}

/// What an agent is handed.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The seats.
    pub seats: BTreeSet<u16>,
    /// For how long it holds them.
    pub hold_seconds: u32,
}

/// The books of a section. Empty where no seat was ever asked for.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SectionShown {
    /// How many seats it has; 0 where none was ever asked for.
    pub seats: u32,
    /// Seats that it can hand out.
    pub free: BTreeSet<u16>,
    /// Who bought what.
    pub sold: BTreeMap<u16, String>,
    /// What agents have.
    pub out: Vec<Batch>,
}

/// Why an agent is handed nothing. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum SectionError {
    /// The house is not open.
    #[problem(status = 503, retry_after = "1s", "{event} is not open; open it with `open`")]
    NotOpen {
        /// The house.
        event: String,
    },
    /// The house has no such section or agent.
    #[problem(
        status = 404,
        "{key} is none of this house: it has {sections} sections of {agents} agents"
    )]
    NoSuch {
        /// The key.
        key: String,
        /// How many sections it has.
        sections: u32,
        /// How many agents a section has.
        agents: u32,
    },
    /// The house does not answer.
    #[problem(status = 503, retry_after = "1s", "{event} was not reached: {why}; try again")]
    Unreached {
        /// The house.
        event: String,
        /// Why.
        why: String,
    },
    /// All seats are with agents.
    #[problem(
        status = 429,
        retry_after = "1s",
        "all seats that are left are with agents; ask those"
    )]
    AllOut {
        /// Which agents.
        agents: Vec<u32>,
    },
    /// Every seat is sold.
    #[problem(status = 410, "every seat of the section is sold")]
    SoldOut,
    /// The agent does not know what it was handed: somebody has deleted it.
    #[problem(
        status = 409,
        "agent {agent} asks for batch {number}, and was handed {handed}; its seats are lost"
    )]
    Forgotten {
        /// The agent.
        agent: u32,
        /// The number that it asks for.
        number: u64,
        /// The last one that it was handed.
        handed: u64,
    },
}

#[actor]
impl Section {
    /// Hands an agent its next batch; the one before, once more, if that is still out.
    #[handler(internal)]
    pub async fn fetch(
        &mut self,
        cx: &mut Context<Self>,
        agent: u32,
        number: u64,
    ) -> Result<Handed, SectionError> {
        let plan = self.plan(cx).await?;
        let Plan { sections, agents, hold_seconds, .. } = plan;
        let Some(handed) = self.handed.get_mut(agent as usize) else {
            let key = format!("{}.{agent}", cx.key());
            return Err(SectionError::NoSuch { key, sections, agents });
        };
        let is_it = |batch: &&Batch| (batch.agent, batch.number) == (agent, number);
        if let Some(batch) = self.out.iter().find(is_it) {
            return Ok(Handed { seats: batch.seats.clone(), hold_seconds });
        }
        if number != *handed + 1 {
            return Err(SectionError::Forgotten { agent, number, handed: *handed });
        }
        let seats: BTreeSet<u16> = self.free.iter().take(plan.batch as usize).copied().collect();
        if seats.is_empty() {
            let agents: BTreeSet<u32> = self.out.iter().map(|batch| batch.agent).collect();
            return Err(match agents.is_empty() {
                true => SectionError::SoldOut,
                false => SectionError::AllOut { agents: agents.into_iter().collect() },
            });
        }
        self.free.retain(|seat| !seats.contains(seat));
        *handed = number;
        self.out.push(Batch { agent, number, seats: seats.clone() });
        Ok(Handed { seats, hold_seconds })
    }

    /// Takes a batch home: what was sold of it, and the rest is free. One that is home already changes nothing.
    #[handler(internal)]
    pub fn settle(&mut self, agent: u32, number: u64, mut sold: BTreeMap<u16, String>) {
        let is_it = |batch: &Batch| (batch.agent, batch.number) == (agent, number);
        let Some(at) = self.out.iter().position(is_it) else { return };
        for seat in self.out.remove(at).seats {
            match sold.remove(&seat) {
                Some(buyer) => drop(self.sold.insert(seat, buyer)),
                None => drop(self.free.insert(seat)),
            }
        }
    }

    /// Where its seats are.
    pub fn books(&self) -> SectionShown {
        SectionShown {
            seats: self.plan.map_or(0, |plan| plan.seats()),
            free: self.free.clone(),
            sold: self.sold.clone(),
            out: self.out.clone(),
        }
    }
}

impl Section {
    /// The plan of the house; all seats are free when it is learnt.
    async fn plan(&mut self, cx: &Context<Self>) -> Result<Plan, SectionError> {
        if let Some(plan) = self.plan {
            return Ok(plan);
        }
        let key = cx.key().to_string();
        let Some((event, section)) = names::of_section(&key) else {
            return Err(SectionError::NoSuch { key, sections: 0, agents: 0 });
        };
        let plan = cx.actor::<House>(event).plan().await.map_err(|error| {
            let event = event.to_owned();
            match error {
                CallError::App(HouseError::NotOpen) => SectionError::NotOpen { event },
                _ => SectionError::Unreached { event, why: error.to_string() },
            }
        })?;
        let Plan { sections, agents, .. } = plan;
        if section >= sections {
            return Err(SectionError::NoSuch { key, sections, agents });
        }
        self.free = (0..plan.seats() as u16).collect();
        self.handed = vec![0; agents as usize];
        self.plan = Some(plan);
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    /// A section of four seats for two agents, each handed two at a time.
    fn section() -> (TestContext<Section>, Section) {
        let mut cx = TestContext::<Section>::new("rock.A");
        let plan =
            Plan { sections: 1, rows: 1, seats_per_row: 4, hold_seconds: 9, agents: 2, batch: 2 };
        let opened = House::opened(plan);
        cx.with_state("rock", opened);
        (cx, Section::default())
    }

    fn fetch(
        (cx, section): &mut (TestContext<Section>, Section),
        agent: u32,
        number: u64,
    ) -> Result<Vec<u16>, SectionError> {
        let handed = cx.run(async |cx| section.fetch(cx, agent, number).await);
        handed.map(|it| it.seats.into_iter().collect())
    }

    #[test]
    fn a_batch_that_is_asked_for_again_is_the_same_one() {
        let mut both = section();
        for _ in 0..2 {
            assert_eq!(fetch(&mut both, 0, 1), Ok(vec![0, 1]));
            assert_eq!(fetch(&mut both, 1, 1), Ok(vec![2, 3]));
        }
        assert_eq!(fetch(&mut both, 1, 2), Err(SectionError::AllOut { agents: vec![0, 1] }));
        let books = both.1.books();
        assert_eq!((books.seats, books.free.len(), books.out.len()), (4, 0, 2));
    }

    #[test]
    fn a_batch_comes_home_once() {
        let mut both = section();
        fetch(&mut both, 0, 1).expect("two of four");
        // Seat 3 is none of this batch: the section does not believe that it is sold.
        let sold = BTreeMap::from([(1, "ada".to_owned()), (3, "bob".to_owned())]);
        both.1.settle(0, 1, sold);
        let books = both.1.books();
        assert_eq!(books.sold, BTreeMap::from([(1, "ada".to_owned())]));
        assert_eq!((books.free, books.out), ([0, 2, 3].into(), vec![]));
        // Told once more, and its seat is with another agent by now.
        assert_eq!(fetch(&mut both, 1, 1), Ok(vec![0, 2]));
        both.1.settle(0, 1, BTreeMap::from([(0, "eve".to_owned())]));
        assert_eq!(both.1.books().sold, BTreeMap::from([(1, "ada".to_owned())]));
        assert_eq!(both.1.books().out.len(), 1);
    }

    #[test]
    fn a_section_is_sold_out_when_everything_is_home() {
        let mut both = section();
        for (number, seats) in [(1, [0, 1]), (2, [2, 3])] {
            assert_eq!(fetch(&mut both, 0, number), Ok(seats.to_vec()));
            both.1.settle(0, number, seats.map(|seat| (seat, "ada".to_owned())).into());
        }
        assert_eq!(fetch(&mut both, 1, 1), Err(SectionError::SoldOut));
    }

    #[test]
    fn nobody_is_handed_what_is_not_his() {
        let mut both = section();
        let (sections, agents) = (1, 2);
        let no_agent = SectionError::NoSuch { key: "rock.A.2".to_owned(), sections, agents };
        assert_eq!(fetch(&mut both, 2, 1), Err(no_agent));
        fetch(&mut both, 0, 1).expect("two of four");
        both.1.settle(0, 1, BTreeMap::new());
        let forgotten = SectionError::Forgotten { agent: 0, number: 1, handed: 1 };
        assert_eq!(fetch(&mut both, 0, 1), Err(forgotten), "its number does not come again");
        let mut cx = TestContext::<Section>::new("pop.A");
        cx.with::<House>();
        let not_open = SectionError::NotOpen { event: "pop".to_owned() };
        assert_eq!(fetch(&mut (cx, Section::default()), 0, 1), Err(not_open));
        let (mut cx, _) = section();
        let plan = cx.state::<House>("rock").plan().expect("it is open");
        let mut cx = TestContext::<Section>::new("rock.B");
        cx.with_state("rock", House::opened(plan));
        let no_section = SectionError::NoSuch { key: "rock.B".to_owned(), sections, agents };
        assert_eq!(fetch(&mut (cx, Section::default()), 0, 1), Err(no_section));
    }
}

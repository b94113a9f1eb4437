use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenure::prelude::*;

use crate::names;
use crate::{Handed, Section, SectionError};

/// How many batches an agent has at most.
const LOTS_MAX: usize = 8;
/// A buyer's name is stored with each seat.
const BUYER_BYTES_MAX: usize = 40;
const TEND: &str = "tend";
/// How long an agent waits before it tries again to reach its section.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Sells seats of one section: those that the section handed it. Buyers call whichever agent they like.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    /// The number of the last batch that it was handed.
    number: u64,
    /// The batches that it has, the oldest first.
    lots: Vec<Lot>,
    /// How many seats it has held so far; names the next hold.
    holds: u64,
    /// For how long a seat is held, in milliseconds.
    hold_ms: u64,
    /// When somebody last wanted a seat, in Unix milliseconds.
    busy_ms: u64,
    /// When it is reminded to tend its seats, in Unix milliseconds.
    tend_ms: Option<u64>,
}

/// A batch, at its agent.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Which of the agent's batches.
    pub number: u64,
    /// It goes home: no seat of it changes any more.
    pub leaving: bool,
    /// Its seats.
    pub seats: BTreeMap<u16, Place>,
}

/// How it stands with a seat.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nobody has it.
    Free,
    /// Somebody thinks about it.
    Held {
        /// Which hold.
        hold: u64,
        /// Who.
        buyer: String,
        /// Until when, in Unix milliseconds.
        until_ms: u64,
    },
    /// Somebody has bought it.
    Sold {
        /// Which hold it was.
        hold: u64,
        /// Who.
        buyer: String,
    },
}

/// A seat that is held.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Names the hold to this agent.
    pub hold: u64,
    /// Which seat of the section.
    pub seat: u16,
    /// Until when, in Unix milliseconds.
    pub until_ms: u64,
}

/// A seat that is sold.
#[tenure::data]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Which seat of the section.
    pub seat: u16,
    /// Whose it is.
    pub buyer: String,
}

/// The books of an agent.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentShown {
    /// The number of the last batch that it was handed.
    pub number: u64,
    /// The batches that it has.
    pub lots: Vec<Lot>,
}

/// Why no seat is held. For the buyer nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum HoldError {
    /// Nobody can have this name.
    #[problem(status = 422, "a buyer is named with 1 to 40 bytes")]
    NoName,
    /// There is no such agent now.
    #[problem(status = 404, "no such agent: {why}")]
    NoAgent {
        /// Why.
        why: String,
    },
    /// Every seat of the section is sold.
    #[problem(status = 410, "every seat of the section is sold")]
    SoldOut,
    /// This agent has no free seat, nor has its section.
    #[problem(
        status = 429,
        retry_after = "1s",
        "no seat is free here; ask the agents that are named, or later"
    )]
    NoneFree {
        /// The agents that have seats, this one perhaps among them.
        agents: Vec<u32>,
    },
    /// The section does not answer.
    #[problem(status = 503, retry_after = "1s", "the section was not reached: {why}; try again")]
    Unreached {
        /// Why.
        why: String,
    },
}

/// Why a seat is not sold, or not released. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum BuyError {
    /// There is no such hold.
    #[problem(
        status = 404,
        "no such hold of this buyer; it has expired, or is over since long; hold another seat"
    )]
    NoHold,
    /// It has expired.
    #[problem(status = 410, "the hold has expired; hold another seat")]
    Expired,
    /// It is bought.
    #[problem(status = 409, "the seat is sold to this buyer already")]
    Sold,
}

#[actor]
impl Agent {
    /// Holds a seat for a while. Made again it holds another one: send an idempotency key.
    pub async fn hold(&mut self, cx: &mut Context<Self>, buyer: String) -> Result<Hold, HoldError> {
        if !(1..=BUYER_BYTES_MAX).contains(&buyer.len()) {
            return Err(HoldError::NoName);
        }
        if self.free_seat(cx.unix_ms()).is_none() {
            // A reminder may come late, above all where its node was killed. Who is called does not wait for it.
            self.settle(cx).await;
            self.fetch(cx).await?;
        }
        let now = cx.unix_ms();
        let (hold, until_ms) = (self.holds + 1, now + self.hold_ms);
        let Some((seat, place)) = self.free_seat(now) else {
            return Err(HoldError::NoneFree { agents: Vec::new() });
        };
        *place = Place::Held { hold, buyer, until_ms };
        (self.holds, self.busy_ms) = (hold, now);
        self.plan_to_tend(cx);
        Ok(Hold { hold, seat, until_ms })
    }

    /// Sells the seat of a hold. The same again gives the same ticket, until the batch of the seat has gone home; with
    /// an idempotency key also after that.
    pub fn buy(
        &mut self,
        cx: &mut Context<Self>,
        hold: u64,
        buyer: String,
    ) -> Result<Ticket, BuyError> {
        let now = cx.unix_ms();
        let (lot, seat) = self.find(hold, &buyer).ok_or(BuyError::NoHold)?;
        match lot.seats.get_mut(&seat) {
            Some(Place::Held { until_ms, .. }) if *until_ms <= now => {
                return Err(BuyError::Expired);
            }
            Some(place) => *place = Place::Sold { hold, buyer: buyer.clone() },
            None => return Err(BuyError::NoHold),
        }
        // Nothing is left to do with it.
        if lot.seats.values().all(|place| matches!(place, Place::Sold { .. })) {
            lot.leaving = true;
        }
        self.plan_to_tend(cx);
        Ok(Ticket { seat, buyer })
    }

    /// Gives a held seat back. A hold that is over is so already.
    pub fn release(&mut self, hold: u64, buyer: String) -> Result<(), BuyError> {
        let Some((lot, seat)) = self.find(hold, &buyer) else { return Ok(()) };
        match lot.seats.get_mut(&seat) {
            Some(Place::Sold { .. }) => return Err(BuyError::Sold),
            Some(place) => *place = Place::Free,
            None => {}
        }
        Ok(())
    }

    /// What it has.
    pub fn books(&self) -> AgentShown {
        AgentShown { number: self.number, lots: self.lots.clone() }
    }

    /// Brings home what leaves, frees what nobody bought in time, and lets go what nobody asks for.
    #[handler]
    async fn tend(&mut self, cx: &mut Context<Self>) {
        self.tend_ms = None;
        // Not the lots that this turn lets go, below: if they were brought home now and the turn were lost, they would
        // be sold here again.
        let is_home = self.settle(cx).await;
        let now = cx.unix_ms();
        for lot in self.lots.iter_mut().filter(|lot| !lot.leaving) {
            for place in lot.seats.values_mut() {
                if matches!(place, Place::Held { until_ms, .. } if *until_ms <= now) {
                    *place = Place::Free;
                }
            }
            let is_held = lot.seats.values().any(|place| matches!(place, Place::Held { .. }));
            lot.leaving = !is_held && now >= self.busy_ms + self.hold_ms;
        }
        if is_home {
            self.plan_to_tend(cx);
        } else {
            self.tend_at(cx, now + AGAIN_AFTER.as_millis() as u64);
        }
    }
}

impl Agent {
    /// The first seat that can be held: nobody has it, or nobody has it any more.
    fn free_seat(&mut self, now: u64) -> Option<(u16, &mut Place)> {
        let seats = self.lots.iter_mut().filter(|lot| !lot.leaving).flat_map(|lot| &mut lot.seats);
        let mut free = seats.filter(|(_, place)| match place {
            Place::Free => true,
            Place::Held { until_ms, .. } => *until_ms <= now,
            Place::Sold { .. } => false,
        });
        free.next().map(|(seat, place)| (*seat, place))
    }

    /// The lot and the seat of this buyer's hold.
    fn find(&mut self, wanted: u64, who: &str) -> Option<(&mut Lot, u16)> {
        let is_it = |place: &Place| match place {
            Place::Held { hold, buyer, .. } | Place::Sold { hold, buyer } => {
                *hold == wanted && buyer == who
            }
            Place::Free => false,
        };
        self.lots.iter_mut().find_map(|lot| {
            let (seat, _) = lot.seats.iter().find(|(_, place)| is_it(place))?;
            let seat = *seat;
            Some((lot, seat))
        })
    }

    /// Gets the next batch.
    async fn fetch(&mut self, cx: &Context<Self>) -> Result<(), HoldError> {
        let key = cx.key().to_string();
        let Some((section, agent)) = names::of_agent(&key) else {
            let why = format!("{key} is not written as event.A.0");
            return Err(HoldError::NoAgent { why });
        };
        if self.lots.len() >= LOTS_MAX {
            return Err(HoldError::NoneFree { agents: Vec::new() });
        }
        // Detached, as it is to have no key that is derived from the buyer's: what makes it safe to ask again is the
        // number, whoever asks and however long ago it was. Sections call no agents, so there is no circle.
        let number = self.number + 1;
        let fetched = cx.detached::<Section>(section).fetch(agent, number);
        let handed = fetched.deadline(cx.time_left()).await;
        let Handed { seats, hold_seconds } = handed.map_err(|error| match error {
            CallError::App(SectionError::SoldOut) => HoldError::SoldOut,
            CallError::App(SectionError::AllOut { agents }) => HoldError::NoneFree { agents },
            CallError::App(
                SectionError::NotOpen { .. }
                | SectionError::NoSuch { .. }
                | SectionError::Forgotten { .. },
            ) => HoldError::NoAgent { why: error.to_string() },
            _ => HoldError::Unreached { why: error.to_string() },
        })?;
        let seats = seats.into_iter().map(|seat| (seat, Place::Free)).collect();
        self.lots.push(Lot { number, leaving: false, seats });
        (self.number, self.hold_ms) = (number, u64::from(hold_seconds) * 1_000);
        Ok(())
    }

    /// Brings home every lot that was leaving when the turn began; says whether none is left. That it leaves is durable
    /// then, as calls of a turn go out after what it saw.
    async fn settle(&mut self, cx: &Context<Self>) -> bool {
        let key = cx.key().to_string();
        let Some((section, agent)) = names::of_agent(&key) else { return true };
        let mut home = BTreeSet::new();
        for lot in self.lots.iter().filter(|lot| lot.leaving) {
            let sold = lot.seats.iter().filter_map(|(seat, place)| match place {
                Place::Sold { buyer, .. } => Some((*seat, buyer.clone())),
                Place::Free | Place::Held { .. } => None,
            });
            let section = cx.detached::<Section>(section);
            let told = section.settle(agent, lot.number, sold.collect()).deadline(cx.time_left());
            if told.await.is_err() {
                break;
            }
            home.insert(lot.number);
        }
        self.lots.retain(|lot| !home.contains(&lot.number));
        self.lots.iter().all(|lot| !lot.leaving)
    }

    /// Sees to it that the agent is reminded when there is something to do.
    fn plan_to_tend(&mut self, cx: &mut Context<Self>) {
        let idle_ms = self.busy_ms + self.hold_ms;
        let due = self.lots.iter().flat_map(|lot| {
            let held = lot.seats.values().filter_map(|place| match place {
                Place::Held { until_ms, .. } => Some(*until_ms),
                Place::Free | Place::Sold { .. } => None,
            });
            if lot.leaving { Some(0) } else { held.min().or(Some(idle_ms)) }
        });
        if let Some(due) = due.min() {
            self.tend_at(cx, due);
        }
    }

    fn tend_at(&mut self, cx: &mut Context<Self>, due_ms: u64) {
        if self.tend_ms.is_none_or(|planned| due_ms < planned) {
            self.tend_ms = Some(due_ms);
            let after = Duration::from_millis(due_ms.saturating_sub(cx.unix_ms()));
            cx.remind(TEND, after, AgentTend {});
        }
    }
}

#[cfg(test)]
mod tests;

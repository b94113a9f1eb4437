use std::time::Duration;

use futures_util::future::join_all;
use tenure::prelude::*;

use crate::names;
use crate::{Agent, AgentShown, House, HouseError, Place, Plan, Section, SectionShown};

/// How old a picture may be: however many look, the agents are asked four times a second.
const AGE_MS_MAX: u64 = 250;
/// How long an agent may take to tell what it has.
const TELL_MAX: Duration = Duration::from_secs(3);

/// Shows a section: the sample that the head of this crate defines, for everybody who looks.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    plan: Option<Plan>,
    picture: Picture,
    /// When the picture was made, in Unix milliseconds.
    made_ms: u64,
}

/// How it stands with each seat of a section.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// How many seats the section has.
    pub house: u32,
    /// How many are free.
    pub free: u32,
    /// How many are held.
    pub held: u32,
    /// How many are sold.
    pub sold: u32,
    /// A letter for each seat, row by row: `f`ree, `h`eld, `s`old; `?` where nobody has it, which is never so.
    pub seats: String,
}

/// Why there is no picture now.
#[tenure::error]
#[derive(PartialEq)]
pub enum BoardError {
    /// There is no such section.
    #[problem(status = 404, "there is no such section; open the event with `open` of its house")]
    NoSection,
    /// Somebody does not answer.
    #[problem(status = 503, retry_after = "1s", "{who} was not reached: {why}")]
    Unreached {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
}

#[actor(persist = volatile, idle_after = "1m")]
impl Board {
    /// The section as it is, or was a quarter of a second ago.
    pub async fn show(&mut self, cx: &mut Context<Self>) -> Result<Picture, BoardError> {
        let now = cx.unix_ms();
        if self.plan.is_some() && now.saturating_sub(self.made_ms) < AGE_MS_MAX {
            return Ok(self.picture.clone());
        }
        let plan = self.plan(cx).await?;
        let section = cx.key().to_string();
        let unreached = |who: &str, why: &dyn std::fmt::Display| BoardError::Unreached {
            who: who.to_owned(),
            why: why.to_string(),
        };
        let agents = join_all((0..plan.agents).map(|agent| {
            let told = cx.actor::<Agent>(format!("{section}.{agent}")).books();
            told.deadline(TELL_MAX).into_future()
        }));
        let agents: Result<Vec<AgentShown>, _> = agents.await.into_iter().collect();
        let agents = agents.map_err(|error| unreached("an agent", &error))?;
        // Not before every agent has told.
        let books = cx.actor::<Section>(&section).books().deadline(TELL_MAX).await;
        let books = books.map_err(|error| unreached("the section", &error))?;
        self.picture = add_up(plan, &agents, &books);
        (self.plan, self.made_ms) = (Some(plan), cx.unix_ms());
        Ok(self.picture.clone())
    }
}

impl Board {
    async fn plan(&self, cx: &Context<Self>) -> Result<Plan, BoardError> {
        if let Some(plan) = self.plan {
            return Ok(plan);
        }
        let (event, section) = names::of_section(cx.key().as_str()).ok_or(BoardError::NoSection)?;
        match cx.actor::<House>(event).plan().await {
            Ok(plan) if section < plan.sections => Ok(plan),
            Ok(_) | Err(CallError::App(HouseError::NotOpen)) => Err(BoardError::NoSection),
            Err(error) => {
                let (who, why) = ("the house".to_owned(), error.to_string());
                Err(BoardError::Unreached { who, why })
            }
        }
    }
}

/// Adds up what each agent has told, and after all of them the section. It counts what they say, and does not make it
/// fit: where two have one seat, or nobody has it, the sum is not the house.
fn add_up(plan: Plan, agents: &[AgentShown], section: &SectionShown) -> Picture {
    let mut picture = Picture { house: plan.seats(), ..Picture::default() };
    let mut seats = vec![b'?'; plan.seats() as usize];
    let mut count = |seat: u16, letter: u8| {
        match letter {
            b'f' => picture.free += 1,
            b'h' => picture.held += 1,
            _ => picture.sold += 1,
        }
        if let Some(place) = seats.get_mut(usize::from(seat)) {
            *place = letter;
        }
    };
    if section.seats == 0 {
        // Nobody has asked for a seat yet.
        (0..plan.seats() as u16).for_each(|seat| count(seat, b'f'));
    }
    section.free.iter().for_each(|seat| count(*seat, b'f'));
    section.sold.keys().for_each(|seat| count(*seat, b's'));
    for batch in &section.out {
        let Some(agent) = agents.get(batch.agent as usize) else { continue };
        match agent.lots.iter().find(|lot| lot.number == batch.number) {
            Some(lot) => lot.seats.iter().for_each(|(seat, place)| {
                let letter = match place {
                    Place::Free => b'f',
                    Place::Held { .. } => b'h',
                    Place::Sold { .. } => b's',
                };
                count(*seat, letter);
            }),
            // It had not heard of it yet.
            None if agent.number < batch.number => {
                batch.seats.iter().for_each(|seat| count(*seat, b'f'));
            }
            None => {}
        }
    }
    picture.seats = seats.into_iter().map(char::from).collect();
    picture
}

#[cfg(test)]
mod tests;

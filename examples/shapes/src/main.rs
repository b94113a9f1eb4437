//! A shapes: arguments, replies and errors of every shape, for clients made of the OpenAPI document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure::prelude::*;

/// How much of something.
#[tenure::data]
#[derive(Clone, Default, PartialEq)]
pub struct Line {
    /// What it is.
    pub item: String,
    /// How many.
    #[serde(default)]
    pub count: u32,
    /// A word for the packer.
    pub note: Option<String>,
}

/// What money is counted in.
#[tenure::data]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    #[default]
    Eur,
    Usd,
}

/// How an order goes to its customer.
#[tenure::data]
#[derive(Clone)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Delivery {
    /// The customer comes.
    PickUp,
    /// The customer waits.
    Post { street: String, express: bool },
}

/// A number of cents, and what they are.
#[tenure::data]
pub struct Money {
    pub cents: u64,
    pub currency: Currency,
}

/// Of a crate that knows nothing of schemas.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Stamp(u16);

/// Why a cart stays as it is.
#[tenure::error]
pub enum CartError {
    #[problem(status = 409, "the cart has {have} kinds of things, and {max} fit")]
    Full { have: usize, max: usize },
    #[problem(status = 404, "there is no {item} in the cart")]
    Missing { item: String },
    #[problem("an empty cart is not sent")]
    Empty,
}

const LINES_MAX: usize = 100;
const PRICE_CENTS: u64 = 250;

/// What somebody is about to buy.
#[tenure::data]
#[derive(Default)]
pub struct Cart {
    lines: BTreeMap<String, Line>,
    stamp: Stamp,
}

#[actor]
impl Cart {
    /// Puts something into the cart.
    ///
    /// What is there already is added to.
    pub fn put(&mut self, item: String, count: u32) -> Result<Line, CartError> {
        if self.lines.len() >= LINES_MAX && !self.lines.contains_key(&item) {
            return Err(CartError::Full { have: self.lines.len(), max: LINES_MAX });
        }
        let line = self.lines.entry(item.clone()).or_default();
        line.item = item;
        line.count = line.count.saturating_add(count);
        Ok(line.clone())
    }

    /// Replaces a whole line.
    pub fn replace(&mut self, line: Line) -> Result<(), CartError> {
        match self.lines.get_mut(&line.item) {
            Some(old) => *old = line,
            None => return Err(CartError::Missing { item: line.item }),
        }
        Ok(())
    }

    /// Takes things out, and says how many were there.
    pub fn take(&mut self, items: Vec<String>) -> usize {
        items.iter().filter(|item| self.lines.remove(*item).is_some()).count()
    }

    /// Sends everything.
    pub fn send_off(
        &mut self,
        to: Delivery,
        gifts: BTreeMap<String, u8>,
    ) -> Result<Vec<Line>, CartError> {
        if self.lines.is_empty() {
            return Err(CartError::Empty);
        }
        let price = match to {
            Delivery::PickUp => 0,
            Delivery::Post { express, .. } => 1 + u32::from(express),
        };
        let mut sent: Vec<_> = std::mem::take(&mut self.lines).into_values().collect();
        let gifts = gifts.into_iter();
        sent.extend(gifts.map(|(item, count)| Line { item, count: count.into(), note: None }));
        sent.truncate(LINES_MAX + price as usize);
        Ok(sent)
    }

    /// A page of what is in the cart.
    pub fn lines(&self, from: Option<String>, limit: Option<u8>) -> Vec<Line> {
        let from = from.unwrap_or_default();
        self.lines
            .range(from..)
            .take(limit.unwrap_or(20).into())
            .map(|(_, it)| it.clone())
            .collect()
    }

    /// What it all costs.
    pub fn cost(&self, currency: Currency, discount: i64) -> Money {
        let count: u64 = self.lines.values().map(|line| u64::from(line.count)).sum();
        let cents =
            count.saturating_mul(PRICE_CENTS).saturating_add_signed(discount.saturating_neg());
        Money { cents, currency }
    }

    /// Whether there is any of something.
    pub fn has(&self, item: String) -> bool {
        self.lines.contains_key(&item)
    }

    /// The first line, if there is one.
    pub fn first(&self) -> Option<Line> {
        self.lines.values().next().cloned()
    }

    /// The last stamp, whose type has no schema.
    pub fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

/// The temperature of a shelf.
#[tenure::data]
#[derive(Default)]
pub struct Shelf {
    celsius: f64,
    is_open: bool,
}

#[actor(persist = write_behind)]
impl Shelf {
    /// Notes a temperature.
    pub fn measure(&mut self, celsius: f64) -> f64 {
        self.celsius = celsius;
        celsius
    }

    /// Opens or shuts it; turns it over where nothing is said.
    pub fn open(&mut self, wide: Option<bool>) -> bool {
        self.is_open = wide.unwrap_or(!self.is_open);
        self.is_open
    }

    /// The last temperature.
    pub fn celsius(&self) -> f64 {
        self.celsius
    }
}

/// How often somebody came in.
#[derive(Default)]
pub struct Door {
    times: u64,
}

#[actor(persist = volatile)]
impl Door {
    /// Somebody comes in.
    pub fn enter(&mut self) -> u64 {
        self.times += 1;
        self.times
    }

    /// Whether this many came in.
    pub fn at_least(&self, times: u64) -> bool {
        self.times >= times
    }
}

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Cart>().actor::<Shelf>().actor::<Door>().run()
}

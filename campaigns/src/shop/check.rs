//! Whether carts, orders, stock and money add up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::desk::{Desk, Household, Lines, SINGLE, Sums};
use crate::http::Connection;
use crate::interrupt;

const POLL_PERIOD: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Cart {
    lines: Lines,
    orders: u64,
    waiting: Vec<String>,
}

#[derive(Deserialize)]
struct Order {
    customer: String,
    lines: Lines,
    phase: String,
    closed: bool,
    cents: u64,
}

#[derive(Deserialize)]
struct Payment {
    limit_cents: u64,
    spent_cents: u64,
    count: u64,
}

#[derive(Deserialize)]
struct Stock {
    left: u32,
    sold: u32,
    held: BTreeMap<String, serde_json::Value>,
}

/// Reads what an actor shows of itself.
fn show<T: DeserializeOwned>(connection: &mut Connection, actor: &str) -> anyhow::Result<T> {
    let reply = connection.call("GET", &format!("/v1/{actor}/show"), "");
    let reply = reply.map_err(|failure| anyhow!("{actor} cannot be read: {failure:?}"))?;
    Ok(serde_json::from_str(&reply)?)
}

impl Desk {
    /// Waits until every order has ended. One that has not within `patience` hangs.
    pub(super) fn calm(
        &self,
        connection: &mut Connection,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let until = Instant::now() + patience;
        for (number, household) in self.households.iter().enumerate() {
            let orders: Vec<String> = household.lock().orders.keys().cloned().collect();
            let key = Self::key(number);
            loop {
                let cart: Cart = show(connection, &format!("cart/{key}"))?;
                let mut open = cart.waiting;
                if open.is_empty() {
                    for order in &orders {
                        let shown: Order = show(connection, &format!("order/{order}"))?;
                        if !shown.closed {
                            open.push(format!("{order} ({})", shown.phase));
                        }
                    }
                }
                if open.is_empty() {
                    break;
                }
                if Instant::now() > until {
                    self.find(format!("cart/{key}: orders hang: {}", open.join(", ")));
                    break;
                }
                interrupt::pause(POLL_PERIOD)?;
            }
        }
        Ok(())
    }

    /// Compares everything with what was acknowledged, and with each other.
    pub(super) fn add_up(&self, connection: &mut Connection) -> anyhow::Result<Sums> {
        let mut sums = Sums::default();
        let mut sold = Lines::new();
        for (number, household) in self.households.iter().enumerate() {
            interrupt::check()?;
            let household = household.lock();
            self.check_household(connection, number, &household, &mut sums, &mut sold)?;
        }
        for item in &self.items {
            let name = &item.name;
            let Stock { left, sold: said, held } = show(connection, &format!("stock/{name}"))?;
            let pieces = sold.get(name).copied().unwrap_or(0);
            sums.pieces += u64::from(pieces);
            if left + said != item.supplied || !held.is_empty() {
                let (supplied, orders) = (item.supplied, held.len());
                self.find(format!(
                    "stock/{name}: {supplied} were supplied, {left} are left, {said} sold, {orders} \
                     orders hold some"
                ));
            }
            if said != pieces {
                self.find(format!("stock/{name}: {said} are sold, {pieces} by paid orders"));
            }
        }
        Ok(sums)
    }

    fn check_household(
        &self,
        connection: &mut Connection,
        number: usize,
        household: &Household,
        sums: &mut Sums,
        sold: &mut Lines,
    ) -> anyhow::Result<()> {
        let key = Self::key(number);
        let cart: Cart = show(connection, &format!("cart/{key}"))?;
        if cart.orders != household.orders.len() as u64 {
            let (made, told) = (cart.orders, household.orders.len());
            self.find(format!("cart/{key}: {made} orders were made, {told} acknowledged"));
        }
        self.check_merge(&key, &cart, household);
        let (mut spent, mut count) = (0, 0);
        let mut singles = Vec::new();
        for (order, lines) in &household.orders {
            let shown: Order = show(connection, &format!("order/{order}"))?;
            if (&shown.customer, &shown.lines) != (&key, lines) {
                self.find(format!("order/{order}: {:?}, acknowledged {lines:?}", shown.lines));
            }
            if shown.phase != "paid" {
                sums.refused += 1;
                continue;
            }
            (spent, count) = (spent + shown.cents, count + 1);
            let due = self.price(lines);
            if shown.cents != due {
                self.find(format!("order/{order}: {} cents were paid for {due}", shown.cents));
            }
            for (item, quantity) in lines {
                *sold.entry(item.clone()).or_default() += quantity;
            }
            singles.extend(lines.get(SINGLE).map(|quantity| (order.clone(), *quantity)));
        }
        sums.paid += count;
        sums.cents += spent;
        sums.single += singles.len() as u64;
        let has_one = matches!(&singles[..], [] | [(_, 1)]);
        let taken: BTreeMap<String, String> = show(connection, &format!("allowance/{key}"))?;
        if !has_one || taken.get(SINGLE) != singles.first().map(|(order, _)| order) {
            self.find(format!("{key} has {singles:?} of {SINGLE}, and is allowed {taken:?}"));
        }
        let payment: Payment = show(connection, &format!("payment/{key}"))?;
        if (payment.spent_cents, payment.count) != (spent, count) || spent > payment.limit_cents {
            let Payment { limit_cents, spent_cents, count: times } = payment;
            self.find(format!(
                "payment/{key}: {spent_cents} cents in {times} payments (limit {limit_cents}), but \
                 {count} orders for {spent}"
            ));
        }
        Ok(())
    }

    /// What is in the cart, and what was ordered from it, is what was acknowledged: no edit is lost, and
    /// none has happened twice.
    fn check_merge(&self, key: &str, cart: &Cart, household: &Household) {
        for item in &self.items {
            let count = |lines: &Lines| i64::from(lines.get(&item.name).copied().unwrap_or(0));
            let ordered: i64 = household.orders.values().map(count).sum();
            let changed = household.changes.get(&item.name).copied().unwrap_or(0);
            let present = count(&cart.lines);
            if present + ordered != changed {
                let name = &item.name;
                self.find(format!(
                    "cart/{key}: {present} of {name} and {ordered} ordered, but edits for {changed} were \
                     acknowledged"
                ));
            }
        }
    }

    fn price(&self, lines: &Lines) -> u64 {
        let prices = self
            .items
            .iter()
            .map(|item| item.cents * u64::from(lines.get(&item.name).copied().unwrap_or(0)));
        prices.sum()
    }
}

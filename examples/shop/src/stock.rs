use std::collections::BTreeMap;

use tenure::prelude::*;

/// How many orders can hold one item at a time.
const ORDERS_MAX: usize = 1_000;
/// How many pieces there can be of one item.
const PIECES_MAX: u32 = 1_000_000_000;
/// The highest price of a piece.
const CENTS_MAX: u64 = 100_000_000;

/// An item of the shop: its price, and where its pieces are. `left + held + sold` is what was
/// supplied.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stock {
    /// The price of a piece.
    pub cents: u64,
    /// Whether a customer may buy one piece and never a second.
    pub one_each: bool,
    /// Pieces that nobody has asked for.
    pub left: u32,
    /// Pieces that were sold.
    pub sold: u32,
    /// What orders have reserved, by order.
    pub held: BTreeMap<String, Held>,
}

/// What an order has reserved. Price and rule stay what they were when it was.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// How many pieces.
    pub quantity: u32,
    /// What they cost together.
    pub cents: u64,
    /// Whether the customer's allowance has to agree.
    pub one_each: bool,
}

/// Why an item is not reserved, or not changed. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum StockError {
    /// Too few are left.
    #[problem(status = 409, "only {left} are left")]
    SoldOut {
        /// How many.
        left: u32,
    },
    /// The item is sold once to a customer.
    #[problem(status = 409, "a customer can have one of these")]
    OneEach,
    /// Too many orders are open.
    #[problem(status = 429, "{orders} orders wait for this item; try again soon")]
    Busy {
        /// How many.
        orders: u32,
    },
    /// A number that cannot be right.
    #[problem(status = 422, "at most {most}")]
    TooMuch {
        /// The bound.
        most: u64,
    },
}

#[actor]
impl Stock {
    /// Sets price and rule for whoever orders from now on.
    pub fn offer(&mut self, cents: u64, one_each: bool) -> Result<(), StockError> {
        if cents > CENTS_MAX {
            return Err(StockError::TooMuch { most: CENTS_MAX });
        }
        (self.cents, self.one_each) = (cents, one_each);
        Ok(())
    }

    /// Adds pieces, and tells how many are left then. Made twice it adds twice: send an idempotency key.
    pub fn supply(&mut self, quantity: u32) -> Result<u32, StockError> {
        let left = self.left.checked_add(quantity).filter(|left| *left <= PIECES_MAX);
        self.left = left.ok_or(StockError::TooMuch { most: u64::from(PIECES_MAX) })?;
        Ok(self.left)
    }

    /// The item as it is.
    pub fn show(&self) -> Self {
        self.clone()
    }

    /// Reserves pieces for an order. An order that has some already is told which.
    #[handler(internal)]
    pub fn reserve(&mut self, order: String, quantity: u32) -> Result<Held, StockError> {
        if let Some(held) = self.held.get(&order) {
            return Ok(held.clone());
        }
        if self.one_each && quantity > 1 {
            return Err(StockError::OneEach);
        }
        if self.held.len() >= ORDERS_MAX {
            return Err(StockError::Busy { orders: ORDERS_MAX as u32 });
        }
        let left = self.left.checked_sub(quantity);
        self.left = left.ok_or(StockError::SoldOut { left: self.left })?;
        let cents = self.cents * u64::from(quantity);
        let held = Held { quantity, cents, one_each: self.one_each };
        self.held.insert(order, held.clone());
        Ok(held)
    }

    /// Sells what an order has reserved, if it has.
    #[handler(internal)]
    pub fn sell(&mut self, order: String) {
        if let Some(held) = self.held.remove(&order) {
            self.sold += held.quantity;
        }
    }

    /// Gives back what an order has reserved, if it has.
    #[handler(internal)]
    pub fn release(&mut self, order: String) {
        if let Some(held) = self.held.remove(&order) {
            self.left += held.quantity;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock() -> Stock {
        Stock { cents: 250, left: 5, ..Stock::default() }
    }

    #[test]
    fn an_order_reserves_once_however_often_it_asks() {
        let mut stock = stock();
        let held = Held { quantity: 2, cents: 500, one_each: false };
        assert_eq!(stock.reserve("a-1".to_owned(), 2), Ok(held.clone()));
        assert_eq!(stock.offer(999, true), Ok(()));
        assert_eq!(stock.reserve("a-1".to_owned(), 2), Ok(held), "at the price that it was told");
        assert_eq!((stock.left, stock.held.len()), (3, 1));
    }

    #[test]
    fn what_is_sold_or_given_back_is_so_once() {
        let mut stock = stock();
        for order in ["a-1", "b-1"] {
            stock.reserve(order.to_owned(), 2).expect("five are there");
        }
        assert_eq!(stock.reserve("c-1".to_owned(), 2), Err(StockError::SoldOut { left: 1 }));
        for _ in 0..2 {
            stock.sell("a-1".to_owned());
            stock.release("b-1".to_owned());
            stock.release("a-1".to_owned());
            assert_eq!((stock.left, stock.sold, stock.held.len()), (3, 2, 0));
        }
    }

    #[test]
    fn an_item_for_everybody_is_not_sold_by_the_dozen() {
        let mut stock = Stock { one_each: true, ..stock() };
        assert_eq!(stock.reserve("a-1".to_owned(), 2), Err(StockError::OneEach));
        assert!(stock.reserve("a-1".to_owned(), 1).expect("one is allowed").one_each);
        assert_eq!(stock.supply(PIECES_MAX), Err(StockError::TooMuch { most: 1_000_000_000 }));
    }
}

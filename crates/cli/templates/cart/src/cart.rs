//! One customer's cart.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::prelude::*;

/// A cart that nobody touches for so long is emptied.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const COUNT_MAX: u32 = 99;

/// What a customer wants to buy.
#[tenure::data]
#[derive(Default)]
pub struct Cart {
    lines: BTreeMap<String, Line>,
}

/// So many of one thing.
#[tenure::data]
#[derive(Clone, PartialEq)]
pub struct Line {
    count: u32,
    cents: u64,
}

/// Why the cart did not do it. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum CartError {
    /// Too many of one thing, or none.
    #[problem(status = 409, "a cart takes 1 to {most} of a thing, not {wanted}")]
    Count {
        /// How many there would be.
        wanted: u64,
        /// How many a cart takes.
        most: u32,
    },
    /// What is to be taken out is not in it.
    #[problem(status = 404, "there is no {item} in the cart")]
    Missing {
        /// What was meant.
        item: String,
    },
    /// There is nothing to pay.
    #[problem(status = 409, "the cart is empty")]
    Empty,
}

#[actor]
impl Cart {
    /// Puts something in, at its price in cents; gives what the cart costs now.
    pub fn add(
        &mut self,
        cx: &mut Context<Self>,
        item: String,
        count: u32,
        cents: u64,
    ) -> Result<u64, CartError> {
        // Check first, then change: an `Err` is an answer, it takes nothing back.
        let wanted = u64::from(count) + self.lines.get(&item).map_or(0, |line| line.count.into());
        if count == 0 || wanted > COUNT_MAX.into() {
            return Err(CartError::Count { wanted, most: COUNT_MAX });
        }
        let line = self.lines.entry(item).or_insert(Line { count: 0, cents });
        line.count += count;
        line.cents = cents;
        // A reminder with a name replaces the one before, and survives a restart.
        cx.remind("forgotten", KEPT, CartForget {});
        Ok(self.total())
    }

    /// Takes a thing out; gives what the cart costs now.
    pub fn remove(&mut self, item: String) -> Result<u64, CartError> {
        match self.lines.remove(&item) {
            Some(_) => Ok(self.total()),
            None => Err(CartError::Missing { item }),
        }
    }

    /// What is in it.
    pub fn show(&self) -> BTreeMap<String, Line> {
        self.lines.clone()
    }

    /// What it costs, in cents.
    pub fn total(&self) -> u64 {
        let lines = self.lines.values();
        lines
            .map(|line| u64::from(line.count).saturating_mul(line.cents))
            .fold(0, u64::saturating_add)
    }

    /// Ends the purchase; gives what is to be paid.
    pub fn check_out(&mut self, cx: &mut Context<Self>) -> Result<u64, CartError> {
        if self.lines.is_empty() {
            return Err(CartError::Empty);
        }
        let total = self.total();
        self.lines.clear();
        cx.cancel_reminder("forgotten");
        Ok(total)
    }

    /// Called by the reminder, and by nobody over HTTP.
    #[handler(internal)]
    pub fn forget(&mut self) {
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure::TestContext;

    fn add(item: &str, count: u32, cents: u64) -> CartAdd {
        CartAdd { item: item.to_owned(), count, cents }
    }

    #[test]
    fn a_cart_is_filled_and_paid() {
        let mut cx = TestContext::<Cart>::new("alice");
        let mut cart = Cart::default();
        assert_eq!(cx.call(&mut cart, add("pen", 2, 150)), Ok(300));
        assert_eq!(cx.call(&mut cart, add("ink", 1, 900)), Ok(1_200));
        assert_eq!(cart.remove("ink".to_owned()), Ok(300));
        assert_eq!(cart.remove("ink".to_owned()), Err(CartError::Missing { item: "ink".into() }));
        assert_eq!(cx.call(&mut cart, CartCheckOut {}), Ok(300));
        assert_eq!(cx.call(&mut cart, CartCheckOut {}), Err(CallError::App(CartError::Empty)));
        assert!(cx.reminders().is_empty());
    }

    #[test]
    fn too_many_of_a_thing_are_refused_and_change_nothing() {
        let mut cx = TestContext::<Cart>::new("alice");
        let mut cart = Cart::default();
        assert_eq!(cx.call(&mut cart, add("pen", 98, 1)), Ok(98));
        let refused = CartError::Count { wanted: 100, most: COUNT_MAX };
        assert_eq!(cx.call(&mut cart, add("pen", 2, 1)), Err(CallError::App(refused)));
        assert_eq!(cart.total(), 98);
    }

    #[test]
    fn a_forgotten_cart_is_emptied() {
        let mut cx = TestContext::<Cart>::new("alice");
        let mut cart = Cart::default();
        assert_eq!(cx.call(&mut cart, add("pen", 1, 150)), Ok(150));
        cx.advance_with(&mut cart, KEPT);
        assert!(cart.show().is_empty());
    }
}

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tenure::prelude::*;

use crate::Order;

/// How many different items a cart can have.
const LINES_MAX: usize = 50;
/// How many pieces of one item.
const QUANTITY_MAX: u32 = 99;
/// How many orders can be on their way.
const WAITING_MAX: usize = 8;
/// An item's name is a key, and short.
const ITEM_BYTES_MAX: usize = 64;
/// An order's key is its cart's and a number.
const CART_KEY_BYTES_MAX: usize = 400;

const HAND_OVER: &str = "hand over";
/// How long a cart waits before it tries again to hand an order over.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The cart of a household. Any number of devices edit it at once.
///
/// [`Cart::add`] and [`Cart::remove`] say what changes, not what is to be there: edits of several
/// devices give the same cart in any order, and none overwrites another. [`Cart::set`] is for who has
/// seen the cart, and says so with `If-Match`.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cart {
    /// How many pieces of each item; none is no line.
    lines: BTreeMap<String, u32>,
    /// How many orders this cart has made.
    orders: u64,
    /// Orders that are not known to have begun, the oldest first.
    waiting: VecDeque<Placed>,
}

/// What a checkout has made of the cart.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The key of the order.
    pub order: String,
    /// What was in the cart.
    pub lines: BTreeMap<String, u32>,
}

/// A cart, as it is shown.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct CartShown {
    /// How many pieces of each item.
    pub lines: BTreeMap<String, u32>,
    /// How many orders it has made.
    pub orders: u64,
    /// Which of them have not begun.
    pub waiting: Vec<String>,
}

/// Why an edit or a checkout is refused. Nothing was changed.
#[tenure::error]
#[derive(PartialEq)]
pub enum CartError {
    /// No item can have this name.
    #[problem(status = 422, "an item's name has 1 to 64 small letters, digits and hyphens")]
    NoName,
    /// Too many pieces of one item.
    #[problem(status = 409, "a cart takes {most} pieces of {item}, and has {present}")]
    TooMany {
        /// The item.
        item: String,
        /// How many there are.
        present: u32,
        /// How many there can be.
        most: u32,
    },
    /// Fewer pieces are there than are to go.
    #[problem(status = 409, "only {present} of {item} are in the cart")]
    TooFew {
        /// The item.
        item: String,
        /// How many there are.
        present: u32,
    },
    /// Too many items.
    #[problem(status = 409, "a cart takes {most} different items")]
    Full {
        /// The bound.
        most: u32,
    },
    /// Nothing to order.
    #[problem(status = 409, "the cart is empty")]
    Empty,
    /// Earlier orders have not begun.
    #[problem(status = 429, "{orders} orders of this cart have not begun; try again soon")]
    Busy {
        /// How many.
        orders: u32,
    },
    /// The cart's key is too long.
    #[problem(status = 422, "a cart that is to order has a key of at most {most} bytes")]
    LongKey {
        /// The bound.
        most: u32,
    },
}

#[actor]
impl Cart {
    /// Puts more pieces into the cart, and tells how many of them are there then.
    pub fn add(&mut self, item: String, quantity: u32) -> Result<u32, CartError> {
        let present = self.present(&item)?;
        let wanted = present.saturating_add(quantity);
        self.put(item, present, wanted)
    }

    /// Takes pieces out, and tells how many are left.
    pub fn remove(&mut self, item: String, quantity: u32) -> Result<u32, CartError> {
        let present = self.present(&item)?;
        match present.checked_sub(quantity) {
            Some(wanted) => self.put(item, present, wanted),
            None => Err(CartError::TooFew { item, present }),
        }
    }

    /// Makes it so many pieces, whatever there were. With `If-Match` only if the cart is as the
    /// device has seen it; without, an edit of the other device may be undone.
    pub fn set(&mut self, item: String, quantity: u32) -> Result<u32, CartError> {
        let present = self.present(&item)?;
        self.put(item, present, quantity)
    }

    /// The cart as it is.
    pub fn show(&self) -> CartShown {
        let waiting = self.waiting.iter().map(|placed| placed.order.clone()).collect();
        CartShown { lines: self.lines.clone(), orders: self.orders, waiting }
    }

    /// Makes an order of what is in the cart, which is empty then. `order/{key}/show` tells how it
    /// goes on.
    pub fn checkout(&mut self, cx: &mut Context<Self>) -> Result<Placed, CartError> {
        if self.lines.is_empty() {
            return Err(CartError::Empty);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(CartError::Busy { orders: WAITING_MAX as u32 });
        }
        if cx.key().as_str().len() > CART_KEY_BYTES_MAX {
            return Err(CartError::LongKey { most: CART_KEY_BYTES_MAX as u32 });
        }
        self.orders += 1;
        let order = format!("{}-{}", cx.key(), self.orders);
        let placed = Placed { order, lines: std::mem::take(&mut self.lines) };
        self.waiting.push_back(placed.clone());
        // An outbox: the order is told once it is durable that there is one, and whatever happens.
        cx.remind(HAND_OVER, Duration::ZERO, CartHandOver {});
        Ok(placed)
    }

    /// Tells orders to begin. One that has begun is told in vain.
    #[handler]
    async fn hand_over(&mut self, cx: &mut Context<Self>) {
        while let Some(placed) = self.waiting.front() {
            let (order, customer) = (cx.actor::<Order>(&placed.order), cx.key().to_string());
            if order.begin(customer, placed.lines.clone()).await.is_err() {
                cx.remind(HAND_OVER, AGAIN_AFTER, CartHandOver {});
                return;
            }
            self.waiting.pop_front();
        }
    }
}

impl Cart {
    fn present(&self, item: &str) -> Result<u32, CartError> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if item.is_empty() || item.len() > ITEM_BYTES_MAX || !item.bytes().all(is_plain) {
            return Err(CartError::NoName);
        }
        Ok(self.lines.get(item).copied().unwrap_or(0))
    }

    fn put(&mut self, item: String, present: u32, wanted: u32) -> Result<u32, CartError> {
        if wanted > QUANTITY_MAX {
            return Err(CartError::TooMany { item, present, most: QUANTITY_MAX });
        }
        if wanted == 0 {
            self.lines.remove(&item);
        } else if present == 0 && self.lines.len() >= LINES_MAX {
            return Err(CartError::Full { most: LINES_MAX as u32 });
        } else {
            self.lines.insert(item, wanted);
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    fn item(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn edits_of_two_devices_give_one_cart_in_any_order() {
        type Edit = fn(&mut Cart) -> Result<u32, CartError>;
        let edits: [Edit; 4] = [
            |cart| cart.add(item("tea"), 2),
            |cart| cart.add(item("tea"), 1),
            |cart| cart.remove(item("jam"), 1),
            |cart| cart.add(item("egg"), 6),
        ];
        let shelf = Cart { lines: [(item("jam"), 2)].into(), ..Cart::default() };
        for first in 0..edits.len() {
            let mut cart = shelf.clone();
            for place in 0..edits.len() {
                edits[(first + place) % edits.len()](&mut cart).expect("each fits");
            }
            let merged = [(item("egg"), 6), (item("jam"), 1), (item("tea"), 3)];
            assert_eq!(cart.lines, merged.into());
        }
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut cart = Cart::default();
        cart.add(item("tea"), 98).expect("99 fit");
        let too_many = CartError::TooMany { item: item("tea"), present: 98, most: 99 };
        assert_eq!(cart.add(item("tea"), 2), Err(too_many));
        let too_few = CartError::TooFew { item: item("tea"), present: 98 };
        assert_eq!(cart.remove(item("tea"), 99), Err(too_few));
        for name in ["", "Tea", "tea/1", &"x".repeat(65)] {
            assert_eq!(cart.add(item(name), 1), Err(CartError::NoName), "{name:?}");
        }
        for number in 1..LINES_MAX {
            cart.set(format!("item-{number}"), 1).expect("50 fit");
        }
        assert_eq!(cart.set(item("one-more"), 1), Err(CartError::Full { most: 50 }));
        assert_eq!(cart.set(item("one-more"), 0), Ok(0), "what is not there takes no room");
        assert_eq!(cart.lines.len(), LINES_MAX);
    }

    #[test]
    fn a_checkout_empties_the_cart_and_begins_an_order() {
        let mut cx = TestContext::<Cart>::new("ada");
        cx.with::<Order>();
        let mut cart = Cart::default();
        assert_eq!(cart.checkout(&mut cx), Err(CartError::Empty));
        cart.add(item("tea"), 2).expect("it fits");
        let placed = cart.checkout(&mut cx).expect("there is tea");
        assert_eq!((placed.order.as_str(), cart.lines.len()), ("ada-1", 0));
        assert_eq!(cart.show().waiting, ["ada-1"]);
        cx.advance_with(&mut cart, Duration::ZERO);
        assert_eq!(cart.show().waiting, [""; 0]);
        let order = cx.state::<Order>("ada-1").show().expect("it has begun");
        assert_eq!((order.customer, order.lines), (item("ada"), placed.lines));
    }
}

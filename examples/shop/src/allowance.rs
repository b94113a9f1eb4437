use std::collections::BTreeMap;

use tenure::prelude::*;

/// How many items a customer can have of which there is one for each.
const ITEMS_MAX: usize = 1_000;

/// What a customer has had of the items that are sold once to each.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allowance {
    /// Which order has, or had, which item.
    pub taken: BTreeMap<String, String>,
}

/// Why a customer cannot have an item. Nothing was changed.
#[tenure::error]
#[derive(Clone, PartialEq)]
pub enum AllowanceError {
    /// Another order has it.
    #[problem(status = 409, "{item} is sold once to a customer, and was to the order {order}")]
    HadIt {
        /// The item.
        item: String,
        /// Which order has it.
        order: String,
    },
    /// The list is full.
    #[problem(status = 409, "a customer can have {most} such items")]
    TooMany {
        /// The bound.
        most: u32,
    },
}

#[actor]
impl Allowance {
    /// Takes the customer's only piece for an order, which may ask again.
    #[handler(internal)]
    pub fn take(&mut self, item: String, order: String) -> Result<(), AllowanceError> {
        match self.taken.get(&item) {
            Some(other) if *other != order => {
                Err(AllowanceError::HadIt { item, order: other.clone() })
            }
            Some(_) => Ok(()),
            None if self.taken.len() >= ITEMS_MAX => {
                Err(AllowanceError::TooMany { most: ITEMS_MAX as u32 })
            }
            None => {
                self.taken.insert(item, order);
                Ok(())
            }
        }
    }

    /// Gives the piece back, if it is this order that has it.
    #[handler(internal)]
    pub fn give_back(&mut self, item: String, order: String) {
        if self.taken.get(&item) == Some(&order) {
            self.taken.remove(&item);
        }
    }

    /// The items that the customer has had, and with which order.
    pub fn show(&self) -> BTreeMap<String, String> {
        self.taken.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_order_has_it_until_it_gives_it_back() {
        let mut allowance = Allowance::default();
        let [lamp, first, second] = ["lamp", "a-1", "a-2"].map(str::to_owned);
        let refused = AllowanceError::HadIt { item: lamp.clone(), order: first.clone() };
        for _ in 0..2 {
            assert_eq!(allowance.take(lamp.clone(), first.clone()), Ok(()));
            assert_eq!(allowance.take(lamp.clone(), second.clone()), Err(refused.clone()));
            allowance.give_back(lamp.clone(), second.clone());
        }
        allowance.give_back(lamp.clone(), first);
        assert_eq!(allowance.take(lamp, second), Ok(()));
    }
}

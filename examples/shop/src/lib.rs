//! A shop: several devices edit one cart, and a checkout becomes an order that ends paid or undone,
//! whatever crashes in between.
//!
//! [`Cart`] takes edits and hands orders over, [`Order`] reserves from each [`Stock`], asks the
//! [`Allowance`] of its customer for what everybody may have once, takes the money from [`Payment`],
//! and then delivers or gives back.

mod allowance;
mod cart;
#[doc(hidden)]
pub mod drill;
mod order;
mod payment;
mod stock;

pub use allowance::{Allowance, AllowanceError};
pub use cart::{Cart, CartError, CartShown, Placed};
pub use order::{Order, OrderError, OrderShown, Phase};
pub use payment::{Payment, PaymentError, PaymentShown};
pub use stock::{Held, Stock, StockError};

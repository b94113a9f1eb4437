//! What goes wrong on purpose, as data: a plan is drawn from a seed, written down, run, and made
//! smaller until nothing in it could be left out.

mod draw;
mod driver;
mod kind;
mod plan;
mod shrink;

pub use self::draw::Shape;
pub use self::driver::{Driver, Hooks, Outside};
pub use self::kind::Kind;
pub use self::plan::{Fault, Plan, PlanError};
pub use self::shrink::shrink;

//! One node of a simulated cluster: a process that carries out what the protocol's machines decide.
//!
//! Everything that happens to it comes through one queue, in the order in which it happened, as at a
//! real node's owner task. A process that was condemned goes on as a new incarnation.

mod calls;
mod directory;
mod drain;
mod drive;
mod follow;
mod life;
mod members;
mod outer;
mod seat;

pub use drive::Host;
pub use life::Picture;
pub use outer::Outer;

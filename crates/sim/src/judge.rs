//! Judges: each reads what clients and the network saw of a run and says where a promise was broken.
//!
//! One judge a file. Those of calls read one history, [`Calls`]; the others are fed with records of their
//! own as things happen. A [`Jury`] holds all of them and gives one [`Verdict`]. What could not be judged
//! is said too, so that a history that was too long never passes for a clean one.
//!
//! **Invariant:** every time here is true time, the simulated nanoseconds of the world since the run began,
//! and never the reading of a node's own clock. No judge asks a node what it thinks.

mod answers;
mod behind;
mod bounds;
mod cast;
mod copies;
mod durable;
mod events;
mod feeds;
mod general;
mod healing;
mod history;
mod jury;
mod keys;
mod linearizable;
mod operations;
mod rare;
mod releases;
mod reminders;
mod samples;
#[cfg(test)]
mod staging;
mod turns;
mod violation;

pub use answers::Answers;
pub use behind::{Behind, Cause, Parting};
pub use bounds::Bounds;
pub use cast::{ActorNo, Cast, ClientNo, Mode};
pub use copies::Copies;
pub use durable::{Durable, Final};
pub use events::{Begun, Delivery, Events};
pub use feeds::{Appended, FeedRead, Feeds};
pub use general::{Checked, Interval, Step, linearize};
pub use healing::{Healing, Hosted, Picture};
pub use history::{Answer, Ask, CALLS_MAX, Call, CallId, Calls, End, Kind, Op};
pub use jury::{Jury, Promises, Verdict};
pub use keys::Keys;
pub use linearizable::Linearizable;
pub use rare::Rare;
pub use releases::{Release, Releases};
pub use reminders::{Fired, Firing, Reminders};
pub use samples::Samples;
pub use turns::{TurnId, Turns};
pub use violation::{JudgeName, Record, VIOLATIONS_MAX, Violation, Violations};

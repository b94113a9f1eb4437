//! A box office. Seats of an event are held for a while, and sold, each at most once.
//!
//! One actor for a hot event would be one queue. So the seats of a [`Section`] are handed out in numbered batches to a
//! few [`Agent`]s, and a buyer calls any of them: the event spreads over many actors, and those over the nodes.
//!
//! # Who owns a seat
//! The section's books name every seat of it once: *free*, *sold*, or *out* in the batch `(agent, number)`. For a
//! seat that is out, its agent alone decides. A batch goes out whole (`fetch`) and comes home whole (`settle`, with who
//! bought what), and both may be lost and repeated at any point:
//!
//! - **fetch.** The agent asks for its next number, in the turn that needs a seat. If the turn is lost after the section
//!   has answered, the agent asks for the same number again, and gets the same seats: they are in the section's books.
//! - **settle.** First the agent marks the batch as leaving and commits that: from then on it changes no seat of it.
//!   A reminder, set in the same commit, tells the section; what it tells is the same however often it does. The
//!   section takes a batch home once, as it is out no more after that, and its number never comes again.
//!
//! So a seat cannot be with two agents, nor sold by one that has given it back, whatever crashes in between.
//!
//! # What a sample is
//! Ask every agent of the section what it has, and *after all of them* the section. The section's books say where each
//! seat counts: at home (free or sold), or in a batch. Of a batch, what its agent said counts; if the agent had
//! not heard of that number yet, its seats are free. The agent cannot have forgotten it: it does so after the section has
//! taken the batch home, and then the section, which was asked later, says that it is home. So every seat counts once,
//! and `free + held + sold` is the house in every sample. [`Picture`] is one, made by [`Board`].

mod agent;
mod board;
mod house;
mod names;
mod section;

pub use agent::{Agent, AgentShown, BuyError, Hold, HoldError, Lot, Place, Ticket};
pub use board::{Board, BoardError, Picture};
pub use house::{House, HouseError, Plan};
pub use section::{Batch, Handed, Section, SectionError, SectionShown};

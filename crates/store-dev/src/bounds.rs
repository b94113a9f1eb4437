//! Every bound between a [`crate::DevServer`] and its clients, by name.

use std::time::Duration;

/// The most clients of a server.
pub const CLIENTS_MAX: usize = 64;
/// The most requests of one client that the server has taken and not answered: so many of the store, and
/// as many again of the table. A client keeps the rest with itself.
pub const IN_FLIGHT_MAX: usize = 512;
/// The most bytes of those requests, or one request.
pub const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;
/// The most requests that wait in a client, then units are answered `Unknown` and reads `Unavailable`.
pub const WAITING_MAX: usize = 65_536;
/// The most bytes of those requests.
pub const WAITING_BYTES_MAX: usize = 64 << 20;
/// The most reads of one client that the server does at a time; the others wait.
pub const READS_MAX: usize = 16;
/// The most actors, entries, reminders or events on one page. Where more are asked for, this is what is
/// given.
pub const PAGE_MAX: usize = 4_096;
/// The largest answer; a larger one is refused with what is too large.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The most bytes of an answer in one frame; a longer one comes in parts.
pub const PART_BYTES_MAX: usize = 512 << 10;
/// The longest reason of an error that is carried; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = 4 << 10;
/// How many names of actor types a server's process ever keeps. They are never forgotten.
pub const TYPES_MAX: usize = 1_024;
/// How long a client lets requests wait for the server while it is not reached.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer waits for its lane. Longer than a client is silent before it is given up: it has
/// given up on the answer by then.
pub(crate) const ANSWER_WAIT_MAX: Duration = Duration::from_secs(15);
/// How often an answer that found no room tries again.
pub(crate) const ANSWER_AGAIN: Duration = Duration::from_millis(5);
/// How often a client looks for requests whose time is up.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

//! The store contract: what the runtime asks of an engine that keeps actors durable.
//!
//! [`Store`] is the contract, [`Unit`] what one actor commits atomically, [`UnitOutcome`] the
//! answer. [`row`] is the self-describing, checksummed form that engines store. [`memory`] keeps the
//! contract without keeping anything past the process, and [`conformance`] is the suite that every
//! engine passes.

pub mod conformance;
mod contract;
pub mod memory;
pub mod row;
mod unit;

pub use contract::{Store, StoreError, Stored, UnitSink};
pub use memory::{MemoryDisk, MemoryStore};
pub use unit::{UNIT_BYTES_MAX, Unit, UnitOutcome};

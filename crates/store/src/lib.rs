//! The store contract: what the runtime asks of an engine that keeps actors durable.
//!
//! [`Store`] is the contract, [`Unit`] what one actor commits atomically, [`UnitOutcome`] the
//! answer. [`row`] is the self-describing, checksummed form that engines store. [`memory`] keeps the
//! contract without keeping anything past the process, and [`conformance`] is the suite that every
//! engine passes.

mod beside;
pub mod conformance;
mod contract;
pub mod memory;
pub mod reading;
pub mod row;
mod unit;

pub use beside::{Due, Encoded, EventLog, ROW_NAME_BYTES_MAX, Row, RowChange, RowKey};
pub use contract::{
    EVENTS_BYTES_MAX, HEADS_BYTES_MAX, Store, StoreError, Stored, StoredHead, UnitSink,
};
pub use memory::{MemoryDisk, MemoryStore};
pub use unit::{Content, ROW_BYTES_MAX, UNIT_BYTES_MAX, UNIT_ROWS_MAX, Unit, UnitOutcome};

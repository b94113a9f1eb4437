//! The actors that several tests play with.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "every test is a crate of its own and plays with some of them"
)]

pub mod load;
pub mod seats;
pub mod threads;
pub mod town;

use std::cell::Cell;
use std::time::Duration;

use tenure::__private::serde;
use tenure::prelude::*;
use tenure_sim::{Node, NodeSpec, Simulation};
use tenure_store::{MemoryDisk, Stored};
use tenure_types::{ActorId, ActorTypeName};

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

thread_local! {
    static TURNS: Cell<u32> = const { Cell::new(0) };
    static UNWINDING: Cell<bool> = const { Cell::new(false) };
}

/// How many turns of [`Ledger`] and [`Witness`] began in this test. A simulation has one thread.
#[must_use]
pub fn turns() -> u32 {
    TURNS.get()
}

/// Whether a turn began while a panic of another one was on its way out.
#[must_use]
pub fn began_unwinding() -> bool {
    UNWINDING.get()
}

fn began() {
    TURNS.set(TURNS.get() + 1);
    UNWINDING.set(UNWINDING.get() || std::thread::panicking());
}

/// A node that runs everything below.
#[must_use]
pub fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    NodeSpec::new().with::<Ledger>().with::<Witness>().start(sim, disk)
}

/// What `disk` has of a ledger.
#[must_use]
pub fn stored(disk: &MemoryDisk, key: &str) -> Option<Stored> {
    disk.stored(&ledger(key)).expect("the row is not damaged")
}

/// The version that `disk` has of a ledger.
#[must_use]
pub fn version(disk: &MemoryDisk, key: &str) -> u64 {
    stored(disk, key).map_or(0, |stored| stored.version.0)
}

/// The value that `disk` has of a ledger. A first turn that changes nothing is stored as well, so
/// the version may be ahead of it.
#[must_use]
pub fn value(disk: &MemoryDisk, key: &str) -> u64 {
    let decode = |it: Stored| {
        let state = it.content.state().expect("a state is stored");
        Ledger::decode(state.schema, state.codec, &state.bytes).expect("it is whole")
    };
    stored(disk, key).map_or(0, |stored| decode(stored).value)
}

/// The id of a ledger.
#[must_use]
pub fn ledger(key: &str) -> ActorId {
    let actor_type = ActorTypeName::new("ledger").expect("a good name");
    ActorId { actor_type, key: Key::new(key).expect("a good key") }
}

/// A durable number.
#[tenure::data]
#[derive(Default)]
pub struct Ledger {
    value: u64,
    ballast: String,
    secret: Secret,
}

/// What cannot be encoded once it is set.
#[derive(Default)]
pub struct Secret(bool);

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            true => Err(serde::ser::Error::custom("secrets are not written down")),
            false => serializer.serialize_unit(),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <() as serde::Deserialize>::deserialize(deserializer).map(|()| Self(false))
    }
}

#[tenure::error]
#[derive(PartialEq)]
pub struct Refused;

#[actor]
impl Ledger {
    pub fn add(&mut self, by: u64) -> u64 {
        began();
        self.value += by;
        self.value
    }

    pub fn get(&self) -> u64 {
        began();
        self.value
    }

    /// Takes the actor for itself and changes nothing.
    pub fn touch(&mut self) -> u64 {
        began();
        self.value
    }

    pub async fn add_slowly(&mut self, cx: &mut Context<Self>, by: u64, ms: u64) -> u64 {
        began();
        self.value += by;
        cx.sleep(MS * ms as u32).await;
        self.value
    }

    pub async fn get_slowly(&self, cx: &Context<Self>, ms: u64) -> u64 {
        began();
        cx.sleep(MS * ms as u32).await;
        self.value
    }

    pub fn add_and_refuse(&mut self, by: u64) -> Result<u64, Refused> {
        began();
        self.value += by;
        Err(Refused)
    }

    pub fn add_and_fall(&mut self, by: u64) {
        began();
        self.value += by;
        panic!("on purpose");
    }

    pub async fn add_and_fall_late(&mut self, cx: &mut Context<Self>, by: u64) {
        began();
        self.value += by;
        cx.sleep(MS).await;
        panic!("on purpose, late");
    }

    pub fn fall_reading(&self) {
        began();
        panic!("on purpose, reading");
    }

    pub async fn fall_reading_late(&self, cx: &Context<Self>) {
        began();
        cx.sleep(MS).await;
        panic!("on purpose, reading, late");
    }

    pub fn grow(&mut self, bytes: usize) -> u64 {
        began();
        self.value += 1;
        self.ballast = "x".repeat(bytes);
        self.value
    }

    pub fn hide(&mut self) {
        began();
        self.value += 1;
        self.secret = Secret(true);
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        began();
        cx.deactivate();
    }

    /// Adds one, and tells a witness what the value was when the turn began.
    pub async fn add_and_tell(
        &mut self,
        cx: &mut Context<Self>,
        to: String,
    ) -> Result<u64, Refused> {
        began();
        let before = self.value;
        self.value += 1;
        cx.actor::<Witness>(to).see(before).await.map_err(|_| Refused)?;
        Ok(self.value)
    }

    /// Waits, then tells a witness.
    pub async fn add_and_tell_late(
        &mut self,
        cx: &mut Context<Self>,
        ms: u64,
        to: String,
    ) -> Result<u64, Refused> {
        began();
        self.value += 1;
        cx.sleep(MS * ms as u32).await;
        cx.actor::<Witness>(to).see(self.value).await.map_err(|_| Refused)?;
        Ok(self.value)
    }

    pub async fn read_and_tell(&self, cx: &Context<Self>, to: String) -> Result<u64, Refused> {
        began();
        cx.actor::<Witness>(to).see(self.value).await.map_err(|_| Refused)?;
        Ok(self.value)
    }

    pub async fn read_and_send(&self, cx: &Context<Self>, to: String) -> Result<u64, Refused> {
        began();
        cx.actor::<Witness>(to).see(self.value).send().await.map_err(|_| Refused)?;
        Ok(self.value)
    }
}

/// Remembers what it was told, in memory.
#[derive(Default)]
pub struct Witness {
    seen: Vec<u64>,
}

#[actor(persist = volatile)]
impl Witness {
    pub fn see(&mut self, value: u64) {
        began();
        self.seen.push(value);
    }

    pub fn seen(&self) -> Vec<u64> {
        began();
        self.seen.clone()
    }
}

//! The actors that are measured.

use tenure::prelude::*;

/// An actor whose calls are as cheap as calls can be.
#[derive(Default)]
pub(crate) struct Tally {
    value: i64,
}

#[actor(persist = volatile)]
impl Tally {
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// The same through a handler that might wait: its turn is boxed.
    pub async fn add_async(&mut self, by: i64) -> i64 {
        std::future::ready(()).await;
        self.value += by;
        self.value
    }
}

/// An actor with 100 bytes of state.
pub(crate) struct Idle {
    bytes: [u8; 100],
}

impl Default for Idle {
    fn default() -> Self {
        Self { bytes: [0; 100] }
    }
}

#[actor(persist = volatile)]
impl Idle {
    pub fn touch(&mut self) -> u8 {
        self.bytes[0] = self.bytes[0].wrapping_add(1);
        self.bytes[0]
    }
}

/// An actor that is saved before each reply.
#[tenure::data]
#[derive(Default)]
pub(crate) struct Saved {
    value: i64,
}

#[actor]
impl Saved {
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    pub fn get(&self) -> i64 {
        self.value
    }
}

/// A saved actor with 100 bytes of state.
#[tenure::data]
#[derive(Default)]
pub(crate) struct Note {
    text: String,
}

#[actor]
impl Note {
    pub fn write(&mut self, text: String) {
        self.text = text;
    }

    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// An actor that answers what it is told.
#[derive(Default)]
pub(crate) struct Echo;

#[actor(persist = volatile)]
impl Echo {
    pub fn say(&mut self, text: String) -> String {
        text
    }
}

/// How often a bell was rung.
#[tenure::data]
pub(crate) struct Rung {
    rung: u64,
}

/// An actor that tells all who follow it.
#[derive(Default)]
pub(crate) struct Bell {
    rung: u64,
}

#[actor(persist = volatile, events = Rung)]
impl Bell {
    pub fn ring(&mut self, cx: &mut Context<Self>) {
        self.rung += 1;
        cx.emit(Rung { rung: self.rung });
    }
}

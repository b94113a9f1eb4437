//! An actor that clients follow: what is said to it, everybody hears. `cargo xtask clients` serves it to
//! clients of others; `docs/how-to/live.md` shows what they are told.

use tenure::prelude::*;

/// What was said.
#[tenure::data]
pub struct Said {
    /// Which of all it is, from 1 on.
    n: u64,
    text: String,
}

/// What a client begins with.
#[tenure::data]
pub struct Began {
    /// How much was said before it came.
    said: u64,
}

/// Remembers how much was said.
#[tenure::data]
#[derive(Default)]
pub struct Room {
    n: u64,
}

#[actor(events = Said)]
impl Room {
    /// An object: clients for JavaScript take a number 0 for nothing.
    #[attach]
    fn come(&self, _peer: tenure::Peer) -> Began {
        Began { said: self.n }
    }

    /// Says something to everybody who follows; gives its number.
    pub fn say(&mut self, cx: &mut Context<Self>, text: String) -> u64 {
        self.n += 1;
        cx.emit(Said { n: self.n, text });
        self.n
    }

    /// How much was said.
    pub fn said(&self) -> u64 {
        self.n
    }
}

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Room>().run()
}

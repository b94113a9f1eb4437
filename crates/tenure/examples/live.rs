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

/// Remembers how much was said.
#[tenure::data]
#[derive(Default)]
pub struct Room {
    n: u64,
}

#[actor(events = Said)]
impl Room {
    /// How much was said before a client came.
    #[attach]
    fn come(&self, _peer: tenure::Peer) -> u64 {
        self.n
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

//! Actors that append what they say to a feed.

use tenure::prelude::*;

/// The feed.
pub const FEED: &str = "said";

/// How much was said.
#[tenure::data]
#[derive(Default)]
pub struct Speaker {
    said: u64,
}

#[actor]
impl Speaker {
    /// Says one more thing, under the next number; gives that.
    pub fn say(&mut self, cx: &mut Context<Self>) -> u64 {
        self.said += 1;
        cx.append(FEED, &self.said);
        self.said
    }

    /// How much was said.
    pub fn said(&self) -> u64 {
        self.said
    }
}

/// [`Speaker`] as it must not be: what it appends is not part of its turn.
pub mod careless {
    use tenure::prelude::*;

    use super::FEED;

    /// Goes by the name of the speaker that it is the broken form of.
    #[tenure::data]
    #[derive(Default)]
    pub struct Speaker {
        said: u64,
    }

    #[actor]
    impl Speaker {
        /// Says one more thing, and appends it some time later.
        pub fn say(&mut self, cx: &mut Context<Self>) -> u64 {
            self.said += 1;
            let said = self.said;
            let wait = cx.sleep(std::time::Duration::from_millis(20));
            cx.spawn(wait, move |()| SpeakerTell { said });
            self.said
        }

        /// Appends what was said.
        #[handler(internal)]
        pub fn tell(&mut self, cx: &mut Context<Self>, said: u64) {
            cx.append(FEED, &said);
        }

        /// How much was said.
        pub fn said(&self) -> u64 {
            self.said
        }
    }
}

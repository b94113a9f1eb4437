//! Actors that publish what they say, numbered, so that whoever listens can tell what is missing.

use tenure::prelude::*;

/// One thing that was said.
#[tenure::data]
pub struct Said {
    /// Which, from 1.
    n: u64,
}

macro_rules! herald {
    ($herald:ident, $doc:literal, $persist:ident) => {
        #[doc = $doc]
        #[tenure::data]
        #[derive(Default)]
        pub struct $herald {
            said: u64,
        }

        #[actor(persist = $persist, events = Said)]
        impl $herald {
            /// Says one more thing; gives its number.
            pub fn say(&mut self, cx: &mut Context<Self>) -> u64 {
                self.said += 1;
                cx.emit(Said { n: self.said });
                self.said
            }

            /// How much was said.
            pub fn said(&self) -> u64 {
                self.said
            }

            #[attach]
            fn begin(&self, _peer: Peer) -> u64 {
                self.said
            }
        }
    };
}
herald!(Herald, "Says what it has said for good.", write_through);
herald!(Crier, "Says what a crash may take back.", write_behind);

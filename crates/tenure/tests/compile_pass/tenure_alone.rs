//! `tenure` is the only dependency, and everything works inside a function body and behind macros.

#![deny(warnings, missing_docs, unreachable_pub, private_interfaces, dead_code)]

use tenure::prelude::*;

macro_rules! counter {
    ($name:ident, $add:ident, $ty:ty) => {
        #[tenure::data]
        #[derive(Default)]
        struct $name {
            value: $ty,
        }

        #[actor]
        impl $name {
            pub fn $add(&mut self, by: $ty) -> $ty {
                self.value += by;
                self.value
            }
        }
    };
}

counter!(Small, raise, u8);

// Names that the output must not trip over.
#[allow(dead_code, reason = "only in the way")]
mod serde {}
#[allow(dead_code, reason = "only in the way")]
mod core {}
#[allow(dead_code, reason = "only in the way")]
mod std {}
#[allow(dead_code, reason = "only in the way")]
struct Option;
#[allow(dead_code, reason = "only in the way")]
struct Vec;
#[allow(dead_code, reason = "only in the way")]
struct Message;

/// Why not.
#[tenure::error]
pub enum Refused {
    /// No.
    #[problem(status = 409, "no {0}")]
    No(u8),
}

fn main() {
    #[tenure::data]
    #[derive(Default)]
    struct Local {
        value: i64,
    }

    #[actor(idle_after = "1h")]
    impl Local {
        pub fn add(&mut self, by: i64) -> i64 {
            self.value += by;
            self.value
        }

        pub async fn get(&self, cx: &Context<Self>) -> Result<i64, Refused> {
            if self.value < 0 { Err(Refused::No(0)) } else { Ok(self.value + cx.key().len() as i64) }
        }

        #[handler]
        fn private(&self, message: u8, actor: u8, cx: u8, single: u8) -> u8 {
            message + actor + cx + single
        }
    }

    let mut cx = tenure::TestContext::<Local>::new("k");
    let mut local = Local::default();
    assert_eq!(cx.call(&mut local, LocalAdd { by: 5 }), Ok(5));
    assert_eq!(cx.call(&mut local, LocalPrivate { message: 1, actor: 2, cx: 3, single: 4 }), Ok(10));
    assert!(cx.call(&mut local, LocalGet {}).is_ok());
    assert_eq!(Small::default().raise(2), 2);
}

//! The program that is observed.

#![allow(missing_docs, unreachable_pub, reason = "it is told apart by its names")]

use std::ffi::OsString;

use tenure::prelude::*;

#[tenure::error]
pub enum TillError {
    #[problem(status = 409, "there is no change for {cents}")]
    NoChange { cents: u64 },
}

#[tenure::data]
#[derive(Default)]
pub struct Till {
    cents: u64,
}

#[actor]
impl Till {
    pub fn pay(&mut self, cents: u64) -> Result<u64, TillError> {
        match cents {
            0 => panic!("nobody pays nothing"),
            1 => Err(TillError::NoChange { cents }),
            _ => {
                self.cents += cents;
                Ok(self.cents)
            }
        }
    }

    pub fn total(&self) -> u64 {
        self.cents
    }
}

/// Not a test: run as the program, with what the environment says.
#[test]
#[ignore = "the tests beside it start it"]
fn program() {
    let Ok(arguments) = std::env::var("ARGUMENTS") else { return };
    let arguments = ["till"].into_iter().chain(arguments.split_whitespace()).map(OsString::from);
    tenure::app().actor::<Till>().run_with(arguments).expect("it ends well");
}

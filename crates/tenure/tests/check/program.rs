//! Programs that follow one another: each has a type `cart`.

#![allow(missing_docs, unreachable_pub, reason = "they are told apart by their names")]

use std::ffi::OsString;

use serde::{Deserialize, Serialize};
use tenure::App;
use tenure::prelude::*;

/// Of another crate, which knows nothing of schemas.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Foreign {
    pub id: u64,
}

/// The program that was there first.
pub mod first {
    use super::*;

    #[tenure::data]
    pub struct Line {
        pub item: String,
        pub qty: u32,
    }

    #[tenure::data]
    #[derive(Default)]
    pub struct Cart {
        pub lines: Vec<Line>,
        pub owner: Foreign,
    }

    #[actor(name = "cart")]
    impl Cart {
        pub fn put(&mut self, item: String, qty: u32) -> usize {
            self.lines.push(Line { item, qty });
            self.lines.len()
        }

        pub fn count(&self) -> usize {
            self.lines.len()
        }
    }
}

/// A program of one type whose lines and methods are as given.
macro_rules! program {
    ($name:ident, { $($field:tt)* }, { $($more:tt)* }) => {
        pub mod $name {
            use super::*;

            #[tenure::data]
            #[derive(Default)]
            pub struct Line {
                pub item: String,
                $($field)*
            }

            #[tenure::data]
            #[derive(Default)]
            pub struct Cart {
                pub lines: Vec<Line>,
                pub owner: Foreign,
            }

            #[actor(name = "cart")]
            impl Cart {
                pub fn put(&mut self, item: String, qty: u32) -> usize {
                    let _ = qty;
                    self.lines.push(Line { item, ..Line::default() });
                    self.lines.len()
                }

                $($more)*
            }
        }
    };
}

program!(noted, { pub qty: u32, pub note: String }, {
    pub fn count(&self) -> usize { self.lines.len() }
});
program!(noted_well, { pub qty: u32, #[serde(default)] pub note: String }, {
    pub fn count(&self) -> usize { self.lines.len() }
});
program!(renamed, { pub count: u32 }, {
    pub fn count(&self) -> usize { self.lines.len() }
});
program!(without_count, { pub qty: u32 }, {});

/// The schema is raised, and what was stored is upgraded.
pub mod raised {
    use super::*;

    #[tenure::data]
    #[derive(Default)]
    pub struct Cart {
        pub items: u32,
    }

    #[actor(name = "cart", schema = 2)]
    impl Cart {
        #[upgrade(from = 1)]
        fn upgrade_1(old: first::Cart) -> Self {
            Self { items: old.lines.len() as u32 }
        }

        pub fn put(&mut self, item: String, qty: u32) -> usize {
            let _ = (item, qty);
            self.items += 1;
            self.items as usize
        }

        pub fn count(&self) -> usize {
            self.items as usize
        }
    }
}

/// Event sourced, and how its events change.
macro_rules! ledger {
    ($name:ident, { $($variant:tt)* }, $event:ident => $by:expr) => {
        pub mod $name {
            use super::*;

            #[tenure::data]
            pub enum Entry {
                $($variant)*
            }

            #[tenure::data]
            #[derive(Default)]
            pub struct Ledger {
                sum: i64,
            }

            #[actor(name = "ledger", persist = event_sourced, events = Entry)]
            impl Ledger {
                pub fn add(&self, cx: &mut Context<Self>, by: i64) {
                    let _ = by;
                    cx.record($by(by));
                }

                fn apply(&mut self, entry: &Entry) {
                    let Entry::$event(by) = entry;
                    self.sum += *by as i64;
                }
            }
        }
    };
}

ledger!(ledger, { Added(i64) }, Added => Entry::Added);
ledger!(ledger_changed, { Booked(i64) }, Booked => Entry::Booked);

/// The program of this name.
fn app(name: &str) -> App {
    let app = tenure::app();
    match name {
        "first" => app.actor::<first::Cart>(),
        "noted" => app.actor::<noted::Cart>(),
        "noted_well" => app.actor::<noted_well::Cart>(),
        "renamed" => app.actor::<renamed::Cart>(),
        "without_count" => app.actor::<without_count::Cart>(),
        "raised" => app.actor::<raised::Cart>(),
        "ledger" => app.actor::<ledger::Ledger>(),
        "ledger_changed" => app.actor::<ledger_changed::Ledger>(),
        other => panic!("there is no program {other}"),
    }
}

/// Not a test: what the tests start as a process of its own.
#[test]
#[ignore = "the tests start it as a program"]
#[expect(clippy::print_stderr, reason = "as `main` does")]
fn program() {
    let name = std::env::var("PROGRAM").expect("the tests say which");
    let arguments = std::env::var("ARGUMENTS").expect("the tests say which");
    let arguments = std::iter::once("program").chain(arguments.split_whitespace());
    let ended = app(&name).run_with(arguments.map(OsString::from));
    // As `main` would end.
    if let Err(error) = &ended {
        eprintln!("Error: {error:?}");
    }
    std::process::exit(i32::from(ended.is_err()));
}

//! The program whose actors are followed.

#![allow(missing_docs, unreachable_pub, reason = "it is told apart by its names")]

use std::ffi::OsString;
use std::pin::Pin;

use tenure::prelude::*;
use tenure::{Access, Authorise, Peer, Refusal};
use tokio::sync::Semaphore;

use crate::relay::{Basket, Household};

/// Who waits here goes on when a test says so.
static GATE: Semaphore = Semaphore::const_new(0);

/// What was said.
#[tenure::data]
pub struct Said {
    n: u64,
    text: String,
}

fn said(n: u64, bytes: usize) -> Said {
    Said { n, text: "x".repeat(bytes) }
}

/// Says things, each with its number.
#[tenure::data]
#[derive(Default)]
pub struct Through {
    n: u64,
}

#[actor(events = Said)]
impl Through {
    pub fn say(&mut self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        for _ in 0..times {
            self.n += 1;
            cx.emit(said(self.n, bytes));
        }
        self.n
    }

    /// Its reply comes when the gate is opened.
    pub async fn wait(&self) -> u64 {
        GATE.acquire().await.expect("it is never closed").forget();
        self.n
    }

    pub fn open(&self, times: usize) {
        GATE.add_permits(times);
    }

    pub fn fail(&self) {
        panic!("the secret");
    }
}

#[tenure::data]
#[derive(Default)]
pub struct Sourced {
    n: u64,
}

#[actor(persist = event_sourced, events = Said)]
impl Sourced {
    fn apply(&mut self, said: &Said) {
        self.n = said.n;
    }

    pub fn say(&self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        let to = self.n + times;
        (self.n + 1..=to).for_each(|n| cx.record(said(n, bytes)));
        to
    }
}

#[tenure::data]
#[derive(Default)]
pub struct Behind {
    n: u64,
}

#[actor(persist = write_behind(max_delay = "200ms"), events = Said)]
impl Behind {
    pub fn say(&mut self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        for _ in 0..times {
            self.n += 1;
            cx.emit(said(self.n, bytes));
        }
        self.n
    }
}

#[derive(Default)]
pub struct Fleeting {
    n: u64,
}

#[actor(persist = volatile, events = Said)]
impl Fleeting {
    pub fn say(&mut self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        for _ in 0..times {
            self.n += 1;
            cx.emit(said(self.n, bytes));
        }
        self.n
    }
}

/// Appends to a feed what it says.
#[tenure::data]
#[derive(Default)]
pub struct Scribe {
    n: u64,
}

#[actor]
impl Scribe {
    pub fn say(&mut self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        for _ in 0..times {
            self.n += 1;
            cx.append("said", &said(self.n, bytes));
        }
        self.n
    }
}

#[tenure::error]
pub enum RoomError {
    #[problem(status = 403, "{who} may not come in")]
    Closed { who: String },
}

/// Knows who is in it.
#[tenure::data]
#[derive(Default)]
pub struct Room {
    n: u64,
    here: Vec<String>,
}

#[tenure::data]
pub struct Seen {
    n: u64,
    user: Option<String>,
    role: Option<String>,
}

#[actor(events = Said)]
impl Room {
    #[attach]
    async fn come(&mut self, peer: Peer) -> Result<Seen, RoomError> {
        if peer.data["waits"] == true {
            GATE.acquire().await.expect("it is never closed").forget();
        }
        if peer.data["refused"] == true {
            return Err(RoomError::Closed { who: peer.user.unwrap_or_else(|| "nobody".into()) });
        }
        self.here.push(peer.connection);
        let role = peer.claims.get("role").and_then(|role| role.as_str()).map(str::to_owned);
        Ok(Seen { n: self.n, user: peer.user, role })
    }

    #[detach]
    fn go(&mut self, peer: Peer) {
        let at = self.here.iter().position(|it| *it == peer.connection);
        self.here.remove(at.expect("only who came goes"));
    }

    pub fn say(&mut self, cx: &mut Context<Self>, times: u64, bytes: usize) -> u64 {
        for _ in 0..times {
            self.n += 1;
            cx.emit(said(self.n, bytes));
        }
        self.n
    }

    pub fn here(&self) -> usize {
        self.here.len()
    }
}

/// Nobody reads or writes what is `secret`; what is for `members` asks who it is.
struct Hook;

impl Authorise for Hook {
    fn authorise<'a>(&'a self, access: Access<'a>) -> Asked<'a> {
        let answer = match access.key {
            "secret" => {
                let detail = format!("no {} here", access.method).into();
                Err(Refusal::Forbidden { detail })
            }
            "members" if access.headers.get("x-member").is_none() => {
                let detail = "who is it?".into();
                Err(Refusal::Unauthenticated { detail, challenge: "Bearer" })
            }
            _ => Ok(()),
        };
        Box::pin(std::future::ready(answer))
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// Not a test: run as the program, with what the environment says.
#[test]
#[ignore = "the tests beside it start it"]
fn program() {
    // First: a node of a cluster starts its program again as its sentinel.
    let app = tenure::app();
    let Ok(arguments) = std::env::var("ARGUMENTS") else { return };
    let arguments = ["live"].into_iter().chain(arguments.split_whitespace()).map(OsString::from);
    let mut app = app
        .actor::<Through>()
        .actor::<Sourced>()
        .actor::<Behind>()
        .actor::<Fleeting>()
        .actor::<Room>()
        .actor::<Scribe>()
        .actor::<Basket>()
        .actor::<Household>();
    if std::env::var_os("HOOK").is_some() {
        app = app.authorise(Hook);
    }
    app.run_with(arguments).expect("it ends well");
}

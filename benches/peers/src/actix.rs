//! Actix runs each actor on one thread of its own choice: two arbiters, with actors and callers
//! spread evenly. One caller and one actor share a thread, which is its best case.

use std::sync::Arc;
use std::sync::mpsc::channel;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Context, Handler, Message, System};

use crate::load::{self, Span};
use crate::report::Report;
use crate::{State, idle_of};

struct Tally(State);

#[derive(Message)]
#[rtype(result = "i64")]
struct Add(i64);

impl Actor for Tally {
    type Context = Context<Self>;
}

impl Handler<Add> for Tally {
    type Result = i64;

    fn handle(&mut self, Add(by): Add, _cx: &mut Context<Self>) -> i64 {
        self.0.add(by)
    }
}

/// Makes actors on the arbiters in turn, each called once by a task on the first.
fn make(count: usize, arbiters: &[ArbiterHandle]) -> Vec<Addr<Tally>> {
    let (made, actors) = channel();
    let on = arbiters.to_vec();
    arbiters[0].spawn(async move {
        let mut actors = Vec::with_capacity(count);
        for number in 0..count {
            let arbiter = &on[number % on.len()];
            let actor = Tally::start_in_arbiter(arbiter, |_| Tally(State::new()));
            actor.send(Add(0)).await.expect("a live actor");
            actors.push(actor);
        }
        made.send(actors).expect("the main thread waits");
    });
    actors.recv().expect("the arbiter answers")
}

pub(crate) fn ask(actors: usize, callers: usize, span: Span) -> Report {
    let _system = System::new();
    let arbiters = [Arbiter::new(), Arbiter::new()].map(|arbiter| arbiter.handle());
    let actors = Arc::new(make(actors, &arbiters));
    let spawn = |index: usize, task| {
        arbiters[index % arbiters.len()].spawn(task);
    };
    let done = load::run(callers, span, spawn, |mut caller| {
        let actors = Arc::clone(&actors);
        Box::pin(async move {
            while caller.goes_on() {
                let actor = &actors[caller.pick(actors.len())];
                actor.send(Add(1)).await.expect("a live actor");
            }
            caller.end();
        })
    });
    Report::of_load(&done)
}

pub(crate) fn idle(count: usize) -> Report {
    let _system = System::new();
    let arbiters = [Arbiter::new().handle()];
    idle_of(count, || make(count, &arbiters))
}

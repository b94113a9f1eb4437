use std::sync::Arc;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};

use crate::load::{self, Span};
use crate::report::Report;
use crate::{State, idle_of, runtime, spawn_on};

#[derive(Actor)]
struct Tally(State);

struct Add(i64);

impl Message<Add> for Tally {
    type Reply = i64;

    async fn handle(&mut self, Add(by): Add, _cx: &mut Context<Self, Self::Reply>) -> i64 {
        self.0.add(by)
    }
}

async fn make(count: usize) -> Vec<ActorRef<Tally>> {
    let mut actors = Vec::with_capacity(count);
    for _ in 0..count {
        let actor = Tally::spawn(Tally(State::new()));
        actor.ask(Add(0)).await.expect("a live actor");
        actors.push(actor);
    }
    actors
}

pub(crate) fn ask(actors: usize, callers: usize, span: Span) -> Report {
    let runtime = runtime();
    let actors = Arc::new(runtime.block_on(runtime.spawn(make(actors))).expect("actors"));
    let done = load::run(callers, span, spawn_on(&runtime), |mut caller| {
        let actors = Arc::clone(&actors);
        Box::pin(async move {
            while caller.goes_on() {
                let actor = &actors[caller.pick(actors.len())];
                actor.ask(Add(1)).await.expect("a live actor");
            }
            caller.end();
        })
    });
    Report::of_load(&done)
}

pub(crate) fn idle(count: usize) -> Report {
    let runtime = runtime();
    idle_of(count, || runtime.block_on(runtime.spawn(make(count))).expect("actors"))
}

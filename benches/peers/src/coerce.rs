use std::sync::Arc;

use coerce::actor::context::ActorContext;
use coerce::actor::message::{Handler, Message};
use coerce::actor::scheduler::ActorType::Anonymous;
use coerce::actor::system::ActorSystem;
use coerce::actor::{Actor, IntoActorId, LocalActorRef};

use crate::load::{self, Span};
use crate::report::Report;
use crate::{State, idle_of, runtime, spawn_on};

struct Tally(State);

struct Add(i64);

impl Actor for Tally {}

impl Message for Add {
    type Result = i64;
}

#[async_trait::async_trait]
impl Handler<Add> for Tally {
    async fn handle(&mut self, Add(by): Add, _cx: &mut ActorContext) -> i64 {
        self.0.add(by)
    }
}

async fn make(count: usize) -> Vec<LocalActorRef<Tally>> {
    let system = ActorSystem::new();
    let mut actors = Vec::with_capacity(count);
    for number in 0..count {
        let id = format!("k{number}").into_actor_id();
        let actor = system.new_actor(id, Tally(State::new()), Anonymous).await.expect("an actor");
        actor.send(Add(0)).await.expect("a live actor");
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
                actor.send(Add(1)).await.expect("a live actor");
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

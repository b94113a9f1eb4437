use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::load::{self, Span};
use crate::report::Report;
use crate::{State, idle_of, runtime, spawn_on};

struct Tally;

struct Add(i64, RpcReplyPort<i64>);

impl Actor for Tally {
    type Msg = Add;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Add>, _: ()) -> Result<State, ActorProcessingErr> {
        Ok(State::new())
    }

    async fn handle(
        &self,
        _: ActorRef<Add>,
        Add(by, reply): Add,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        reply.send(state.add(by))?;
        Ok(())
    }
}

async fn add(actor: &ActorRef<Add>, by: i64) {
    let answer = actor.call(|reply| Add(by, reply), None).await;
    answer.expect("a live actor").expect("an answer");
}

async fn make(count: usize) -> Vec<ActorRef<Add>> {
    let mut actors = Vec::with_capacity(count);
    for _ in 0..count {
        let (actor, _) = Actor::spawn(None, Tally, ()).await.expect("an actor");
        add(&actor, 0).await;
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
                add(&actors[caller.pick(actors.len())], 1).await;
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

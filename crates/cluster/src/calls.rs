//! Calls: looked up, handed on, answered.

use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_actor::wire::{Answer, Decoded, encode_call, end_call};
use tenure_protocol::view::{MemberState, View};
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::driver::Driver;
use crate::life::{Handed, Life, Seeking, name_of};
use crate::message::{Body, Frame};
use crate::refusals::{crowded, not_executed, unknown};
use crate::reply::Reply;
use crate::world::World;

/// How often a call may be sent to a place where its actor is not.
const MISSES_MAX: u32 = 8;
/// How many calls may wait until one actor is found; later ones are told so.
const SEEKING_MAX: usize = 2_048;
/// How many calls may be at other nodes at a time; later ones are told so.
const HANDED_MAX: usize = 262_144;

impl<W: World> Driver<W> {
    /// A call whose actor is not here looks for it.
    pub(crate) fn seek(self: &Arc<Self>, target: Target, call: Arc<dyn QueuedCall>) {
        let (actor, now) = (name_of(&target), self.clock.now());
        let wish = self.config.wish(target.type_name);
        let refused = self.with_life(|life| {
            let waiting = life.seeking.entry(actor.clone()).or_default();
            if waiting.len() >= SEEKING_MAX {
                return Some(call);
            }
            waiting.push(Seeking { target, call, missed: 0 });
            life.cluster.look_up(now, &actor, wish);
            None
        });
        if let Some(call) = refused.flatten() {
            call.settle(Err(crowded(format!(
                "{actor} is looked for, and {SEEKING_MAX} calls wait"
            ))));
        }
    }

    /// The actor was found: its calls go there.
    pub(crate) fn send_calls(self: &Arc<Self>, actor: &ActorId, host: Incarnation, tenure: Tenure) {
        let calls = self.with_life(|life| life.seeking.remove(actor)).flatten().unwrap_or_default();
        for seeking in calls.into_iter().filter(|it| it.call.is_waiting()) {
            if self.incarnation() == Some(host) {
                self.run_here(actor, seeking, (host, tenure));
            } else {
                self.hand(actor, seeking, (host, tenure));
            }
        }
    }

    fn run_here(self: &Arc<Self>, actor: &ActorId, seeking: Seeking, at: (Incarnation, Tenure)) {
        let Seeking { target, call, missed } = seeking;
        let Some(runtime) = self.runtime() else { return call.settle(Err(not_executed())) };
        if let Some(call) = runtime.take(&target, call) {
            self.missed(actor, Seeking { target, call, missed }, at, None);
        }
    }

    fn hand(&self, actor: &ActorId, seeking: Seeking, at: (Incarnation, Tenure)) {
        let encoded = encode_call(&seeking.target, &*seeking.call, self.clock.now());
        let call = match encoded {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(error) => return seeking.call.settle(Err(error)),
        };
        let mut core = self.core.lock();
        let has_room = |life: &&mut Life| life.handed.len() + life.unsent.len() < HANDED_MAX;
        let Some(life) = core.life.as_mut().filter(has_room) else {
            drop(core);
            seeking.call.come_back();
            let detail = format!("{HANDED_MAX} calls of this node are at others");
            return seeking.call.settle(Err(crowded(detail)));
        };
        life.calls_handed += 1;
        let number = life.calls_handed;
        life.handed.insert(number, Handed { actor: actor.clone(), at, seeking });
        if self.send_from(&core, at.0, Body::Handed { number, call }) {
            return;
        }
        // No way leads there at present: it is sent again at the next look, or elsewhere by then.
        if let Some(life) = &mut core.life
            && let Some(Handed { actor, seeking, .. }) = life.handed.remove(&number)
        {
            seeking.call.come_back();
            life.unsent.push((actor, seeking));
        }
    }

    /// Handles at once, on the thread that asks, what no machine has to decide: calls of other nodes, answers, and what is
    /// followed. Gives
    /// back what is for [`World::heard`].
    pub fn take_now(self: &Arc<Self>, frame: Frame) -> Option<Frame> {
        if !matches!(frame.body, Body::Handed { .. } | Body::Settled { .. } | Body::Following(_)) {
            return Some(frame);
        }
        if self.hears(frame.from, frame.to) {
            self.handle_call_frame(frame.from, frame.body);
        }
        None
    }

    /// The actor is not where it was said to be.
    fn missed(
        self: &Arc<Self>,
        actor: &ActorId,
        seeking: Seeking,
        at: (Incarnation, Tenure),
        hint: Option<(Incarnation, Tenure)>,
    ) {
        self.world.reached("call at the wrong place");
        let now = self.clock.now();
        let wish = self.config.wish(seeking.target.type_name);
        if seeking.missed >= MISSES_MAX {
            return seeking.call.settle(Err(not_executed()));
        }
        self.with_life(|life| {
            let seeking = Seeking { missed: seeking.missed + 1, ..seeking };
            life.seeking.entry(actor.clone()).or_default().push(seeking);
            life.cluster.missed(now, actor, wish, at, hint);
        });
    }

    /// Nobody takes the actor.
    pub(crate) fn refuse_calls(&self, actor: &ActorId) {
        let calls = self.with_life(|life| life.seeking.remove(actor)).flatten().unwrap_or_default();
        for seeking in calls {
            seeking.call.settle(Err(crowded(format!("{actor} cannot be placed now"))));
        }
    }

    pub(crate) fn handle_call_frame(self: &Arc<Self>, from: Incarnation, body: Body) {
        let now = self.clock.now();
        match body {
            Body::Handed { number, call } => self.take_call(from, number, &call),
            Body::NotHere { number, hint } => {
                let handed = self.with_life(|life| life.handed.remove(&number)).flatten();
                if let Some(Handed { actor, at, seeking }) = handed {
                    seeking.call.come_back();
                    self.missed(&actor, seeking, at, hint);
                }
            }
            Body::Settled { number, answer } => {
                let handed = self.with_life(|life| life.handed.remove(&number)).flatten();
                if let Some(handed) = handed {
                    end_call(&*handed.seeking.call, &answer, now);
                }
            }
            Body::Shipped { id, actor, packed } => {
                self.with_life(|life| {
                    if life.cluster.handle_shipped(now, id, &actor) {
                        life.arrived.insert(id, packed);
                    }
                });
            }
            Body::Following(following) => self.handle_following(from, following),
            Body::Levelling(levelling) => self.handle_levelling(from, levelling),
            Body::Directory(_) | Body::Hint(_) | Body::Presumed(_) => {}
        }
    }

    /// A call came for an actor that is to be here.
    fn take_call(self: &Arc<Self>, from: Incarnation, number: u64, call: &[u8]) {
        let now = self.clock.now();
        let Some((runtime, me)) = self.runtime().zip(self.incarnation()) else { return };
        let reply = Reply::new((from, number), (Arc::downgrade(self), me));
        match self.config.wire().decode_call(call, now, reply) {
            Ok(Decoded { target, call }) => {
                if runtime.take(&target, call).is_some() {
                    self.send(from, Body::NotHere { number, hint: None });
                }
            }
            Err(error) => {
                let answer = Answer::failed(error).encode(now);
                self.send(from, Body::Settled { number, answer });
            }
        }
    }

    /// Ends calls that were handed to members which are gone: nobody there answers any more.
    pub(crate) fn end_calls_at_gone(&self, view: &View) {
        let is_gone = |it: Incarnation| view.state(it).is_none_or(MemberState::is_gone);
        let lost = self.with_life(|life| {
            let lost = life.handed.extract_if(.., |_, handed| is_gone(handed.at.0));
            lost.collect::<Vec<_>>()
        });
        for (_, handed) in lost.into_iter().flatten() {
            handed.seeking.call.settle(Err(unknown()));
        }
    }

    /// Sends what no lane has taken to where its actor is said to be now.
    fn send_again(&self, now: Instant) {
        self.with_life(|life| {
            for (actor, seeking) in std::mem::take(&mut life.unsent) {
                let wish = self.config.wish(seeking.target.type_name);
                life.seeking.entry(actor.clone()).or_default().push(seeking);
                life.cluster.look_up(now, &actor, wish);
            }
        });
    }

    /// Forgets calls that nobody waits for any more, and ends those whose time is over: of a reminder
    /// that went to a node which died nobody else would hear.
    pub(crate) fn look_after_calls(&self) {
        let now = self.clock.now();
        let is_late = |seeking: &Seeking| seeking.call.head().deadline < now;
        let (mut lost, mut late) = (Vec::new(), Vec::new());
        self.with_life(|life| {
            life.handed.retain(|_, handed| handed.seeking.call.is_waiting());
            lost.extend(life.handed.extract_if(.., |_, handed| is_late(&handed.seeking)));
            let mut given_up = Vec::new();
            life.seeking.retain(|actor, calls| {
                calls.retain(|seeking| seeking.call.is_waiting());
                late.extend(calls.extract_if(.., |seeking| is_late(seeking)));
                if calls.is_empty() {
                    given_up.push(actor.clone());
                }
                !calls.is_empty()
            });
            given_up.iter().for_each(|actor| life.cluster.give_up_look_up(actor));
            life.unsent.retain(|(_, seeking)| seeking.call.is_waiting());
            let unsent = life.unsent.extract_if(.., |(_, seeking)| is_late(seeking));
            late.extend(unsent.map(|(_, seeking)| seeking));
        });
        self.send_again(now);
        // What they tell may call back.
        lost.into_iter().for_each(|(_, handed)| handed.seeking.call.settle(Err(unknown())));
        late.into_iter().for_each(|seeking| seeking.call.settle(Err(not_executed())));
    }
}

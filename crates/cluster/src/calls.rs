//! Calls: looked up, handed on, answered.

use std::sync::Arc;

use tenure_actor::Target;
use tenure_actor::host::QueuedCall;
use tenure_actor::wire::{Answer, Decoded, encode_call, end_call};
use tenure_protocol::view::View;
use tenure_types::{ActorId, Incarnation, Instant, Tenure};

use crate::driver::Driver;
use crate::life::name_of;
use crate::message::{Body, Frame, Part};
use crate::refusals::{away, crowded, not_executed, unknown};
use crate::reply::Reply;
use crate::way::{AWAY_MAX, Handed, NotHanded, Seeking, Way};
use crate::world::World;

/// How often a call may be sent to a place where its actor is not.
const MISSES_MAX: u32 = 8;
/// How many calls may wait until one actor is found; later ones are told so.
const SEEKING_MAX: usize = 2_048;

impl<W: World> Driver<W> {
    /// Hands a call on, on the thread that makes it, where it is known where its actor lives and a lane takes it. Else
    /// gives it back: it is for the owner.
    pub(crate) fn hand_now(
        &self,
        of: Incarnation,
        target: &Target,
        call: Arc<dyn QueuedCall>,
    ) -> Option<Arc<dyn QueuedCall>> {
        let way = self.way.load();
        let Some(way) = way.as_ref().filter(|way| way.incarnation == of) else { return Some(call) };
        let Some(at) = way.places.get(target) else { return Some(call) };
        let seeking = Seeking { target: target.clone(), call, missed: 0 };
        self.hand(way, seeking, at).map(|seeking| seeking.call)
    }

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
                self.hand_or_keep(actor, seeking, (host, tenure));
            }
        }
    }

    /// Where no way leads there at present, the call is sent again at the next look, or elsewhere by then.
    fn hand_or_keep(&self, actor: &ActorId, seeking: Seeking, at: (Incarnation, Tenure)) {
        let way = self.way.load();
        let left = match &*way {
            Some(way) => {
                way.places.put(&seeking.target, at);
                match self.hand(way, seeking, at) {
                    Some(seeking) if self.config.is_fixed() => {
                        return seeking.call.settle(Err(away(actor)));
                    }
                    Some(seeking) => way.keep(actor.clone(), seeking),
                    None => None,
                }
            }
            None => Some(seeking),
        };
        if let Some(seeking) = left {
            seeking.call.settle(Err(not_executed()));
        }
    }

    fn run_here(self: &Arc<Self>, actor: &ActorId, seeking: Seeking, at: (Incarnation, Tenure)) {
        let Seeking { target, call, missed } = seeking;
        let Some(runtime) = self.runtime() else { return call.settle(Err(not_executed())) };
        if let Some(call) = runtime.take(&target, call) {
            self.missed(actor, Seeking { target, call, missed }, at, None);
        }
    }

    /// Encodes a call and gives it to a lane, or ends it. Gives it back where no way leads there at present.
    fn hand(&self, way: &Way, seeking: Seeking, at: (Incarnation, Tenure)) -> Option<Seeking> {
        let encoded = encode_call(&seeking.target, &*seeking.call, self.clock.now());
        let call = match encoded {
            Ok(Some(call)) => call,
            Ok(None) => return None,
            Err(error) => {
                seeking.call.settle(Err(error));
                return None;
            }
        };
        let (why, handed) = match way.enter(Handed { at, seeking }) {
            Ok((number, view)) => {
                if self.send_by(way, &view, at.0, Body::Handed { number, call: Part::Made(call) }) {
                    return None;
                }
                // Somebody else may have ended it meanwhile.
                (NotHanded::Gone, Box::new(way.take(number)?))
            }
            Err(refused) => refused,
        };
        let seeking = handed.seeking;
        seeking.call.come_back();
        let error = match why {
            NotHanded::Gone => return Some(seeking),
            NotHanded::Over => not_executed(),
            NotHanded::Full => crowded(format!("{AWAY_MAX} calls of this node are at others")),
        };
        seeking.call.settle(Err(error));
        None
    }

    /// The one node that an actor may live on is not reached: its calls end, and none of them ran.
    pub(crate) fn end_away(&self, actor: &ActorId) {
        let calls = self.with_life(|life| {
            life.cluster.give_up_look_up(actor);
            life.seeking.remove(actor)
        });
        for seeking in calls.flatten().unwrap_or_default() {
            seeking.call.settle(Err(away(actor)));
        }
    }

    /// Handles at once, on the thread that asks, what no machine has to decide: calls of other nodes, answers, and what is
    /// followed. Gives
    /// back what is for [`World::heard`].
    pub fn take_now(self: &Arc<Self>, frame: Frame) -> Option<Frame> {
        let Frame { from, to, body } = frame;
        let way = self.way.load();
        let way = way.as_ref().filter(|way| way.incarnation == to);
        match body {
            Body::Handed { number, call } => {
                if let Some(way) = way.filter(|way| way.is_heard(from)) {
                    self.take_call(way, from, number, &call);
                }
            }
            Body::Settled { number, answer } => {
                if let Some(way) = way {
                    self.end_call(way, from, number, &answer);
                }
            }
            Body::Following(following) => {
                if way.is_some_and(|way| way.is_heard(from)) {
                    self.handle_following(from, following);
                }
            }
            body => return Some(Frame { from, to, body }),
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
            life.way.places.refuted(&seeking.target, at.1);
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
            Body::Handed { number, call } => {
                if let Some(way) = &*self.way.load() {
                    self.take_call(way, from, number, &call);
                }
            }
            Body::NotHere { number, hint } => {
                let handed = self.with_life(|life| life.way.take_answered(from, number)).flatten();
                if let Some(Handed { at, seeking }) = handed {
                    seeking.call.come_back();
                    self.missed(&name_of(&seeking.target), seeking, at, hint);
                }
            }
            Body::Settled { number, answer } => {
                if let Some(way) = &*self.way.load() {
                    self.end_call(way, from, number, &answer);
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
    fn take_call(self: &Arc<Self>, way: &Way, from: Incarnation, number: u64, call: &[u8]) {
        let now = self.clock.now();
        let Some(runtime) = way.runtime.get() else { return };
        let reply = Reply::new((from, number), (Arc::downgrade(self), way.incarnation));
        match self.config.wire().decode_call(call, now, reply) {
            Ok(Decoded { target, call }) => {
                if runtime.take(&target, call).is_some() {
                    self.send(from, Body::NotHere { number, hint: None });
                }
            }
            Err(error) => {
                let answer = Part::Made(Answer::failed(error).encode(now));
                self.send(from, Body::Settled { number, answer });
            }
        }
    }

    /// The answer of a call that was handed on.
    fn end_call(&self, way: &Way, from: Incarnation, number: u64, answer: &[u8]) {
        if let Some(handed) = way.take_answered(from, number) {
            let call = &*handed.seeking.call;
            // Whoever asks for no receipt need not know when.
            let now = call.head().receipt.as_ref().map_or(Instant::ZERO, |_| self.clock.now());
            end_call(call, answer, now);
        }
    }

    /// Ends calls that were handed to members which are down: nobody there answers any more.
    pub(crate) fn end_calls_at_gone(&self, view: &Arc<View>) {
        let lost = self.way.load().as_ref().map(|way| way.learn(self.clock.now(), view));
        lost.into_iter().flatten().for_each(|handed| handed.seeking.call.settle(Err(unknown())));
    }

    /// Ends calls that were handed to these members.
    pub(crate) fn end_calls(&self, is_gone: impl Fn(Incarnation) -> bool) {
        let lost = self.way.load().as_ref().map(|way| way.take_at(is_gone));
        for handed in lost.into_iter().flatten() {
            handed.seeking.call.settle(Err(unknown()));
        }
    }

    /// Sends what no lane has taken to where its actor is said to be now.
    fn send_again(&self, now: Instant) {
        self.with_life(|life| {
            for (actor, seeking) in life.way.take_unsent() {
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
            (lost, late) = life.way.take_late(now);
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
        });
        self.send_again(now);
        // What they tell may call back.
        lost.into_iter().for_each(|handed| handed.seeking.call.settle(Err(unknown())));
        late.into_iter().for_each(|seeking| seeking.call.settle(Err(not_executed())));
    }
}

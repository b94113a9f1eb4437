//! Subscribers: each follows the events of every actor, at one node after the other, and goes on by
//! epoch and offset.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_sim::judge::{Begun, Delivery};
use tenure_types::Incarnation;

use crate::cast::Who;
use crate::follow::{Follow, Followed, Following};
use crate::frame::{Body, Frame};
use crate::line::Line;

/// The mean time between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// How many events of a durable actor are kept at least.
const KEPT: u64 = 1_000;

/// Follows the events of every actor.
pub struct Subscriber {
    line: Line,
    places: BTreeMap<Who, Place>,
}

/// Where it stands with an actor, and who told it so.
#[derive(Clone, Copy)]
struct Place {
    epoch: u64,
    offset: u64,
    host: Incarnation,
}

impl Subscriber {
    /// A subscriber on this line, who follows nobody yet.
    #[must_use]
    pub fn new(line: Line) -> Self {
        Self { line, places: BTreeMap::new() }
    }

    /// Follows until nothing changes any more; then reads what durable actors have published to its end.
    pub async fn live(mut self) {
        self.line.change_gateway();
        while !self.line.crowd.is_quiet.load(Ordering::Relaxed) {
            self.line.rest(PAUSE).await;
            let actors = &self.line.crowd.actors;
            let who = actors[self.line.dice.below(actors.len() as u64) as usize];
            self.look(who).await;
        }
        for who in self.line.crowd.actors.clone() {
            if !who.role.mode().is_durable() {
                continue;
            }
            while !self.look(who).await {
                self.line.pause(Duration::from_millis(50)).await;
            }
            self.line.crowd.ends.lock().subscribers.push((self.line.number, who));
        }
    }

    /// Asks for what an actor has published; gives whether there was nothing more.
    async fn look(&mut self, who: Who) -> bool {
        let number = self.line.unique();
        let after = self.places.get(&who).map(|place| (place.epoch, place.offset));
        // What is durable may be told by any node.
        let is_routed = !who.role.mode().is_durable() || self.line.dice.one_in(2);
        let follow = Follow { number, who, after, is_routed };
        let patience = self.line.patience();
        let came = self.line.ask(Body::Follow(follow), patience, |frame| told(frame, number)).await;
        match came {
            Some((host, Followed { result: Ok(following), .. })) => self.take(who, host, following),
            _ => {
                self.line.change_gateway();
                false
            }
        }
    }

    fn take(&mut self, who: Who, host: Incarnation, following: Following) -> bool {
        let Following { from, page } = following;
        if from.0 != 0 && !self.places.contains_key(&who) {
            self.begin(who, Place { epoch: from.0, offset: from.1, host }, false);
        }
        let known = self.places.get(&who).copied();
        if !page.recovered {
            // An actor that has published nothing has no log yet, whatever epoch an activation of it had in mind that is
            // gone: whoever has read nothing has read it to its end.
            if page.epoch == 0 {
                return known.is_none_or(|place| place.offset == 0);
            }
            self.begin_anew(who, known, Place { epoch: page.epoch, offset: page.offset, host });
            return false;
        }
        let Some(place) = known else { return page.events.is_empty() };
        if place.host != host {
            if place.offset > 0 {
                self.line.crowd.stage.tell(|jury| jury.rare.reached("events resumed elsewhere"));
            }
            self.begin(who, Place { host, ..place }, true);
        }
        let is_end = page.events.is_empty();
        for (offset, event) in page.events {
            self.deliver(who, page.epoch, offset, &event);
        }
        is_end
    }

    /// It is told that it cannot go on.
    fn begin_anew(&mut self, who: Who, known: Option<Place>, to: Place) {
        let stage = &self.line.crowd.stage;
        let known = known.filter(|place| place.offset > 0);
        if let Some(place) = known {
            stage.tell(|jury| jury.rare.reached("events began anew"));
            let is_kept = place.epoch != to.epoch || to.offset < place.offset + KEPT;
            if who.role.mode().is_durable() && is_kept {
                let Place { epoch, offset, host } = place;
                let was = format!("{epoch} {offset} of {host}");
                let is = format!("{} {} of {}", to.epoch, to.offset, to.host);
                stage.odd(&format!("{who:?}: durable events began anew: {was}, {is}"));
            }
        }
        // In another epoch it may begin with the first event, if that is kept.
        let is_other = known.is_none_or(|place| place.epoch != to.epoch);
        let offset = if is_other && self.line.dice.one_in(2) { 0 } else { to.offset };
        self.begin(who, Place { offset, ..to }, false);
    }

    fn begin(&mut self, who: Who, place: Place, is_recovered: bool) {
        self.places.insert(who, place);
        let (subscriber, actor) = (self.line.number, self.line.crowd.number(who));
        let Place { epoch, offset, .. } = place;
        let at = self.line.crowd.stage.now();
        let begun = Begun { subscriber, actor, epoch, offset, is_recovered, at };
        self.line.crowd.stage.tell(|jury| jury.events.begun(begun));
    }

    fn deliver(&mut self, who: Who, epoch: u64, offset: u64, event: &[u8]) {
        let mut digest = DefaultHasher::new();
        event.hash(&mut digest);
        let (subscriber, actor) = (self.line.number, self.line.crowd.number(who));
        let (content, at) = (digest.finish(), self.line.crowd.stage.now());
        let delivery = Delivery { subscriber, actor, epoch, offset, content, at };
        self.line.crowd.stage.tell(|jury| jury.events.delivered(delivery));
        if let Some(place) = self.places.get_mut(&who) {
            place.offset = offset;
        }
    }
}

/// What a frame says of a question, and who says it.
fn told(frame: Frame, number: u64) -> Option<(Incarnation, Followed)> {
    match frame.body {
        Body::Followed(followed) if followed.number == number => Some((frame.from, followed)),
        _ => None,
    }
}

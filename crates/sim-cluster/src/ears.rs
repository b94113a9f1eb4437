//! Ears: sessions at nodes, as a gateway has them. Each follows one actor wherever that lives, through what its node
//! publishes, at one node after the other, and goes on by epoch and offset.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use tenure_actor::{EventBytes, Publications, Receipt, Target, WatchId, Watcher};
use tenure_protocol::session::{Effect, Page, Position, TailBounds, Topic, Weigh};
use tenure_sim::Dice;
use tenure_sim::judge::{Begun, ClientNo, Delivery};
use tenure_types::{Incarnation, Tasks as _};

use crate::cast::Who;
use crate::crowd::Crowd;
use crate::node::Host;
use crate::ops;

/// How many there are.
pub const EARS: u32 = 4;
/// The number of the first one, among those whom the jury knows.
const FIRST_NUMBER: u32 = 1 << 20;
/// At one look of so many an ear goes to another node.
const CHANGES_ONE_IN: u64 = 60;
/// Of whom every topic of an ear tells.
const ME: u64 = 1;
const BOUNDS: TailBounds = TailBounds { events_max: 64, bytes_max: 64 << 10 };

/// One that follows an actor.
pub struct Ear {
    /// Its number, as the jury knows it.
    pub number: ClientNo,
    /// Whom it follows.
    pub who: Who,
    crowd: Arc<Crowd>,
    dice: Mutex<Dice>,
    /// The last event that it has.
    place: Mutex<Option<Position>>,
    stint: Mutex<Option<Arc<Stint>>>,
}

/// Its time at one node.
struct Stint {
    ear: Weak<Ear>,
    host: Arc<Host>,
    incarnation: Incarnation,
    publications: Arc<dyn Publications>,
    target: Target,
    watch: OnceLock<WatchId>,
    topic: Mutex<Topic<u64, Told>>,
    inbox: Mutex<Inbox>,
    is_over: AtomicBool,
}

#[derive(Default)]
struct Inbox {
    events: VecDeque<Option<(Position, EventBytes)>>,
    is_drained: bool,
}

/// An event as it was told.
#[derive(Clone, Debug)]
struct Told(EventBytes);

impl Weigh for Told {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Ear {
    /// The ears of a crowd, whose dice are drawn one after the other.
    pub fn all(crowd: &Arc<Crowd>, mut dice: impl FnMut() -> Dice) -> Vec<Arc<Self>> {
        let actors = crowd.actors.iter().copied().cycle();
        let ears = (0..EARS).zip(actors).map(|(number, who)| {
            Arc::new(Self {
                number: ClientNo(FIRST_NUMBER + number),
                who,
                crowd: Arc::clone(crowd),
                dice: Mutex::new(dice()),
                place: Mutex::default(),
                stint: Mutex::default(),
            })
        });
        ears.collect()
    }

    /// Whether it has every event of this log.
    pub fn stands_at(&self, epoch: u64, offset: u64) -> bool {
        *self.place.lock() == Some(Position { epoch, offset })
    }

    /// Where it stands, for the reader of a failure.
    pub fn explain(&self) -> String {
        let place = *self.place.lock();
        let stint = self.stint.lock().clone();
        let stint = stint.map(|it| {
            let topic = format!("{:?}", it.topic.lock());
            format!(
                "at {} lasts {}: {topic}; {}",
                it.incarnation,
                it.lasts(),
                it.host.explain(&self.who.id())
            )
        });
        format!("{:?} of {:?} at {place:?}: {stint:?}", self.number, self.who)
    }

    /// Goes to another node where it cannot stay, and now and then.
    pub fn look(self: &Arc<Self>, living: &[Arc<Host>]) {
        let is_restless =
            !self.crowd.is_over.load(Ordering::Relaxed) && self.dice.lock().one_in(CHANGES_ONE_IN);
        let stays = self.stint.lock().as_ref().is_some_and(|stint| stint.lasts());
        if stays && !is_restless {
            return;
        }
        if let Some(before) = self.stint.lock().take() {
            before.end();
        }
        if living.is_empty() {
            return;
        }
        let host = &living[self.dice.lock().below(living.len() as u64) as usize];
        let Some(stint) = Stint::at(self, host) else { return };
        *self.stint.lock() = Some(Arc::clone(&stint));
        stint.begin(*self.place.lock());
    }

    fn begun(&self, at: Position, recovered: bool) {
        let known = self.place.lock().replace(at).filter(|place| place.offset > 0);
        if known.is_some() && !recovered {
            // What was missed could not be read in time, or another log has begun.
            self.crowd.stage.tell(|jury| jury.rare.reached("an ear began anew"));
        }
        let (subscriber, actor) = (self.number, self.crowd.number(self.who));
        let Position { epoch, offset } = at;
        let now = self.crowd.stage.now();
        let begun = Begun { subscriber, actor, epoch, offset, is_recovered: recovered, at: now };
        self.crowd.stage.tell(|jury| jury.events.begun(begun));
    }

    fn delivered(&self, offset: u64, event: &Told) {
        let mut digest = DefaultHasher::new();
        event.0.hash(&mut digest);
        let (subscriber, actor) = (self.number, self.crowd.number(self.who));
        let (content, at) = (digest.finish(), self.crowd.stage.now());
        let epoch = {
            let mut place = self.place.lock();
            let Some(place) = &mut *place else { return };
            place.offset = offset;
            place.epoch
        };
        let delivery = Delivery { subscriber, actor, epoch, offset, content, at };
        self.crowd.stage.tell(|jury| jury.events.delivered(delivery));
    }
}

impl Stint {
    fn at(ear: &Arc<Ear>, host: &Arc<Host>) -> Option<Arc<Self>> {
        let target = host.runtime()?.target_of(&ear.who.id())?;
        Some(Arc::new(Self {
            ear: Arc::downgrade(ear),
            incarnation: host.incarnation()?,
            publications: host.publications()?,
            host: Arc::clone(host),
            target,
            watch: OnceLock::new(),
            topic: Mutex::new(Topic::new(BOUNDS)),
            inbox: Mutex::default(),
            is_over: AtomicBool::new(false),
        }))
    }

    fn lasts(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
            && !self.host.process().is_dead()
            && self.host.incarnation() == Some(self.incarnation)
    }

    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(watch) = self.watch.get() {
            self.publications.unwatch(&self.target, *watch);
        }
    }

    /// As a gateway does: it listens, then a turn of the actor says where its events stand.
    fn begin(self: &Arc<Self>, resume: Option<Position>) {
        self.topic.lock().handle_join(ME);
        let watcher = Arc::new(Hears(Arc::downgrade(self)));
        self.watch.get_or_init(|| self.publications.watch(&self.target, watcher));
        let stint = Arc::clone(self);
        let attach = async move {
            let (Some(ear), Some(runtime)) = (stint.ear.upgrade(), stint.host.runtime()) else {
                return stint.is_over.store(true, Ordering::Relaxed);
            };
            let receipt = Arc::new(Receipt::following());
            let attached = ops::attach(&runtime.handle(), ear.who, Arc::clone(&receipt)).await;
            match attached.ok().and_then(|()| receipt.log()) {
                Some((epoch, offset)) => {
                    let log = Position { epoch, offset };
                    stint.change(|topic| topic.handle_attached(ME, log, resume));
                }
                None => stint.is_over.store(true, Ordering::Relaxed),
            }
        };
        self.host.process().spawn("ear-attach", Box::pin(attach));
    }

    fn change(self: &Arc<Self>, tell: impl FnOnce(&mut Topic<u64, Told>)) {
        let effects = {
            let mut topic = self.topic.lock();
            tell(&mut topic);
            topic.take_effects()
        };
        let Some(ear) = self.ear.upgrade() else { return };
        for effect in effects {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            match effect {
                Effect::Answer { at, recovered, events, .. } => {
                    let offset = at.offset - events.len() as u64;
                    ear.begun(Position { offset, ..at }, recovered);
                    events.iter().for_each(|(offset, event)| ear.delivered(*offset, event));
                }
                Effect::Deliver { offset, event, .. } => ear.delivered(offset, &event),
                Effect::Read { reader, after } => self.read(reader, after),
                Effect::Reset { .. } => self.is_over.store(true, Ordering::Relaxed),
            }
        }
    }

    fn read(self: &Arc<Self>, reader: Option<u64>, after: Position) {
        let stint = Arc::clone(self);
        let read = async move {
            let target = stint.target.clone();
            let page = stint.publications.events(target, after.epoch, after.offset).await;
            let page = page.map_or(Page { end: after, events: None }, |page| Page {
                end: Position { epoch: page.epoch, offset: page.offset },
                events: page.recovered.then(|| {
                    page.events.into_iter().map(|(offset, event)| (offset, Told(event))).collect()
                }),
            });
            stint.change(|topic| topic.handle_page(reader, after, page));
        };
        self.host.process().spawn("ear-read", Box::pin(read));
    }

    fn hear(self: &Arc<Self>, event: Option<(Position, EventBytes)>) {
        let mut inbox = self.inbox.lock();
        inbox.events.push_back(event);
        if std::mem::replace(&mut inbox.is_drained, true) {
            return;
        }
        drop(inbox);
        let stint = Arc::clone(self);
        let drain = async move {
            loop {
                let next = {
                    let mut inbox = stint.inbox.lock();
                    inbox.is_drained = !inbox.events.is_empty();
                    inbox.events.pop_front()
                };
                match next {
                    Some(Some((at, event))) => {
                        stint.change(|topic| topic.handle_event(at, &Told(event)));
                    }
                    Some(None) => stint.change(Topic::handle_gap),
                    None => return,
                }
            }
        };
        self.host.process().spawn("ear", Box::pin(drain));
    }
}

/// What a node tells an ear.
struct Hears(Weak<Stint>);

impl Watcher for Hears {
    fn published(&self, epoch: u64, offset: u64, event: &EventBytes) {
        if let Some(stint) = self.0.upgrade() {
            stint.hear(Some((Position { epoch, offset }, EventBytes::clone(event))));
        }
    }

    fn missed(&self) {
        if let Some(stint) = self.0.upgrade() {
            stint.hear(None);
        }
    }
}

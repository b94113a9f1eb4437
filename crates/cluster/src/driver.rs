use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tenure_protocol::cluster::Sizes;
use tenure_protocol::view::membership::Death;
use tenure_protocol::view::{MemberState, View};
use tenure_runtime::Runtime;
use tenure_types::{ActorId, Clock, Incarnation, Instant, Tasks, Tenure};

use crate::config::Config;
use crate::gossiping::Gossiping;
use crate::life::{Life, Local, Picture};
use crate::membership::Membership;
use crate::message::{Body, Frame};
use crate::refusals::crowded;
use crate::roll::Roll;
use crate::way::Way;
use crate::world::{Heard, World};

/// How often a node looks after what nobody reminds it of.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long another member's presumption of a death counts beside one's own.
const PRESUMED_FOR: Duration = Duration::from_secs(2);

/// How much of what happens inside may wait for the node's owner; calls past it are told so. Nothing else is refused:
/// it is of activations, and no more of those change at a time than calls make them.
const LOCALS_MAX: usize = 65_536;

/// A process of a node. See the crate's documentation.
pub struct Driver<W: World> {
    pub(crate) world: W,
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) core: Mutex<Core>,
    /// What calls need of the incarnation that lives.
    pub(crate) way: ArcSwapOption<Way>,
    queue: Mutex<Queue>,
}

/// What the node's one owner has.
pub(crate) struct Core {
    pub(crate) membership: Membership,
    pub(crate) life: Option<Life>,
    /// Incarnations that are being fenced.
    pub(crate) fencing: BTreeSet<Incarnation>,
    /// Who presumes the death of which members, and since when.
    presumed: BTreeMap<Incarnation, BTreeMap<Incarnation, Instant>>,
    look_at: Instant,
    /// Who is new while members are replaced.
    pub(crate) roll: Roll,
    /// It leaves, and does not join again.
    pub(crate) is_leaving: bool,
    /// Its servers are open: it stays a member although nothing lives here any more.
    pub(crate) is_serving: bool,
    /// Moves that ended since it looked after its drain.
    pub(crate) moves_ended: usize,
    /// It takes no new activations.
    pub(crate) is_cordoned: bool,
    /// Its runtime has stopped in order: nothing of it is heard any more.
    pub(crate) has_stopped: bool,
}

#[derive(Default)]
struct Queue {
    locals: VecDeque<(Incarnation, Local)>,
    waker: Option<Waker>,
}

/// What the owner looks at next.
enum Next {
    Local(Incarnation, Local),
    Heard(Heard),
    Time,
}

impl<W: World> Driver<W> {
    /// A node that has not begun.
    #[must_use]
    pub fn new(world: W, config: Arc<Config>) -> Arc<Self> {
        let (clock, tasks) = (world.clock(), world.tasks());
        let membership = match config.without_table.clone() {
            Some(without) => {
                Membership::Gossip(Box::new(Gossiping::new(without, world.below(u64::MAX))))
            }
            None => Membership::of_table(config.membership),
        };
        let core = Core {
            membership,
            life: None,
            fencing: BTreeSet::new(),
            presumed: BTreeMap::new(),
            look_at: clock.now() + LOOK_PERIOD,
            roll: Roll::default(),
            is_leaving: false,
            is_serving: false,
            moves_ended: 0,
            is_cordoned: false,
            has_stopped: false,
        };
        let (core, queue, way) = (Mutex::new(core), Mutex::default(), ArcSwapOption::empty());
        Arc::new(Self { world, config, clock, tasks, core, way, queue })
    }

    /// Joins the cluster, and goes on until the node has left or its process ends.
    pub fn start(self: &Arc<Self>) {
        self.pass(Incarnation(0), Local::Join);
        let driven = Arc::clone(self);
        self.tasks.spawn("node", Box::pin(async move { driven.drive().await }));
    }

    /// What is around it.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Its runtime, once it stands.
    pub fn runtime(&self) -> Option<Arc<Runtime>> {
        self.way.load().as_ref()?.runtime.get().cloned()
    }

    /// Its incarnation, while it is a member.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.core.lock().incarnation()
    }

    /// The newest view that it knows.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(self.core.lock().membership.view())
    }

    /// What it looks like.
    pub fn picture(&self) -> Picture {
        let core = self.core.lock();
        let view = core.membership.view().number;
        let Some(life) = &core.life else {
            let (incarnation, sizes) = (Incarnation(0), Default::default());
            let (hosted, entries) = (Vec::new(), Vec::new());
            return Picture { incarnation, view, is_settled: false, hosted, entries, sizes };
        };
        let cluster = &life.cluster;
        let hosted = cluster.each_hosted().map(|(actor, tenure, is)| (actor.clone(), tenure, is));
        let entries = cluster.each_entry().map(|(actor, host, of)| (actor.clone(), host, of));
        Picture {
            incarnation: life.incarnation,
            view,
            is_settled: cluster.is_settled(),
            hosted: hosted.collect(),
            entries: entries.collect(),
            sizes: cluster.sizes(),
        }
    }

    /// What it knows of an actor, for people.
    pub fn explain(&self, actor: &ActorId) -> String {
        let core = self.core.lock();
        let Some(life) = &core.life else { return "no member".to_owned() };
        let seeking = life.seeking.get(actor).map_or(0, Vec::len);
        let handed = life.way.count_of(actor);
        let runtime = life.runtime().map(|it| (it.activations(), it.explain(actor)));
        format!(
            "{}: {seeking} calls seek, {handed} handed, lease {:?} at {:?}, runtime {runtime:?}; {}",
            life.incarnation,
            core.membership.lease_until(),
            self.clock.now(),
            life.cluster.explain(actor)
        )
    }

    /// How much it has of what is bounded, while it is a member.
    pub fn sizes(&self) -> Option<(Incarnation, Sizes)> {
        let core = self.core.lock();
        core.life.as_ref().map(|life| (life.incarnation, life.cluster.sizes()))
    }

    /// Where an actor lives, as far as this node knows: here, or where it was found last.
    pub fn whereabouts(&self, actor: &ActorId) -> Option<Incarnation> {
        let core = self.core.lock();
        let life = core.life.as_ref()?;
        match life.cluster.hosted(actor) {
            Some(_) => Some(life.incarnation),
            None => life.cluster.location(actor).map(|(host, _)| host),
        }
    }

    /// Whether the actor runs here under this right.
    pub fn is_home_of(&self, actor: &ActorId, tenure: Tenure) -> bool {
        let core = self.core.lock();
        core.life.as_ref().is_some_and(|life| life.cluster.hosted(actor) == Some(tenure))
    }

    /// Whether turns of the actor run here under this right: it is not sealed.
    pub fn runs(&self, actor: &ActorId, tenure: Tenure) -> bool {
        let core = self.core.lock();
        core.life.as_ref().is_some_and(|life| life.cluster.runs(actor) == Some(tenure))
    }

    pub(crate) fn is_owner_of(&self, actor: &ActorId) -> bool {
        let core = self.core.lock();
        let life = core.life.as_ref();
        life.is_some_and(|it| it.cluster.owner_of(actor) == Some(it.incarnation))
    }

    /// Whether a frame is for this run, and of one that may be heard.
    pub fn hears(&self, from: Incarnation, to: Incarnation) -> bool {
        let way = self.way.load();
        way.as_ref().is_some_and(|way| way.incarnation == to && way.is_heard(from))
    }

    /// Lets it leave in good order.
    pub fn drain(&self) {
        self.pass(Incarnation(0), Local::Drain { is_serving: false });
    }

    /// Lets everything move away and takes nothing new; it stays a member, through which calls find their actors, until
    /// [`Driver::drain`].
    pub fn retreat(&self) {
        self.pass(Incarnation(0), Local::Drain { is_serving: true });
    }

    /// Lets it take no new activations and no moves, or take them again. What lives there stays, and slots too.
    pub fn cordon(&self, is_cordoned: bool) {
        self.pass(Incarnation(0), Local::Cordon(is_cordoned));
    }

    /// Its runtime was stopped. If that saved everything, it has left as soon as the table says so, whatever did not
    /// move. Else something of it may still be on its way to the store: the table is told that it is down, so that it
    /// is fenced before its actors start elsewhere.
    pub fn stopped(&self, has_saved: bool) {
        if has_saved {
            self.core.lock().has_stopped = true;
            self.drain();
        } else {
            self.pass(Incarnation(0), Local::Abandon);
        }
    }

    /// Whether there is another member that could take what lives here.
    pub fn has_others(&self) -> bool {
        if self.config.is_fixed() {
            return false;
        }
        let core = self.core.lock();
        let me = core.incarnation();
        let mut members = core.membership.view().members();
        members.any(|it| Some(it.incarnation) != me && it.state == MemberState::Alive)
    }

    /// The death of this run is proven.
    pub fn died(&self, incarnation: Incarnation) {
        self.pass(Incarnation(0), Local::Died(incarnation));
    }

    /// Keeps what happened inside until the owner looks at it. `of` zero: of the process.
    pub(crate) fn pass(&self, of: Incarnation, local: Local) {
        let mut queue = self.queue.lock();
        if let Local::Absent { call, .. } = &local
            && queue.locals.len() >= LOCALS_MAX
        {
            drop(queue);
            return call.settle(Err(crowded(format!("{LOCALS_MAX} calls look for their actors"))));
        }
        queue.locals.push_back((of, local));
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends to a member, if it is known where that is.
    pub(crate) fn send(&self, to: Incarnation, body: Body) {
        if let Some(way) = &*self.way.load() {
            self.send_by(way, &way.view(), to, body);
        }
    }

    /// As [`Driver::send`], by what is known of members in this view; whether it was taken.
    pub(crate) fn send_by(&self, way: &Way, view: &View, to: Incarnation, body: Body) -> bool {
        let frame = Frame { from: way.incarnation, to, body };
        view.member(to).is_some_and(|member| self.world.send(member, frame))
    }

    /// As [`Driver::send`]; whether it was taken.
    pub(crate) fn send_from(&self, core: &Core, to: Incarnation, body: Body) -> bool {
        let Some(from) = core.incarnation() else { return false };
        let member = core.membership.view().member(to);
        member.is_some_and(|member| self.world.send(member, Frame { from, to, body }))
    }

    async fn drive(self: Arc<Self>) {
        loop {
            match self.next().await {
                Next::Local(of, local) => self.handle_local(of, local),
                Next::Heard(heard) => self.handle_heard(heard),
                Next::Time => self.handle_time(),
            }
            self.keep_time();
            self.carry_out();
            self.go_on_draining();
        }
    }

    fn due(&self) -> Instant {
        let core = self.core.lock();
        let directory = core.life.as_ref().and_then(|life| life.cluster.next_due());
        core.membership.due().min(directory.unwrap_or(Instant::NEVER)).min(core.look_at)
    }

    async fn next(&self) -> Next {
        let due = self.due();
        let mut heard = pin!(self.world.heard());
        let mut time = self.tasks.sleep_until(due);
        poll_fn(|cx| {
            let mut queue = self.queue.lock();
            if let Some((of, local)) = queue.locals.pop_front() {
                return Poll::Ready(Next::Local(of, local));
            }
            queue.waker = Some(cx.waker().clone());
            drop(queue);
            if let Poll::Ready(heard) = heard.as_mut().poll(cx) {
                return Poll::Ready(Next::Heard(heard));
            }
            time.as_mut().poll(cx).map(|()| Next::Time)
        })
        .await
    }

    /// What is due, and a piece of what was put off, however much else comes.
    fn keep_time(self: &Arc<Self>) {
        if self.due() <= self.clock.now() {
            self.handle_time();
        }
    }

    fn handle_time(self: &Arc<Self>) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        core.membership.handle_time(now);
        if let Some(life) = &mut core.life {
            life.cluster.handle_time(now);
        }
        if core.look_at <= now {
            core.look_at = now + LOOK_PERIOD;
            drop(core);
            self.world.look();
            self.look_after_calls();
            self.look_after_drain();
            self.look_after_level();
            self.look_after_followers();
        }
    }

    fn handle_heard(self: &Arc<Self>, heard: Heard) {
        match heard {
            Heard::Frame(frame) => self.handle_frame(frame),
            Heard::Broken { address, refused } => self.handle_broken(&address, refused),
            Heard::Dead { address } => self.handle_dead(&address),
            Heard::Unsent(frame) => self.handle_unsent(frame),
            Heard::Stranger => self.core.lock().membership.refresh(self.clock.now()),
            Heard::Datagram(datagram) => self.handle_datagram(&datagram),
            Heard::Else => {}
        }
    }

    fn handle_frame(self: &Arc<Self>, frame: Frame) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        if core.incarnation() != Some(frame.to) {
            return;
        }
        match frame.body {
            Body::Directory(message) => {
                if let Some(life) = &mut core.life {
                    life.cluster.handle_message(now, frame.from, message);
                }
            }
            Body::Hint(number) => core.membership.handle_number(now, number),
            Body::Presumed(incarnation) if core.is_heard(frame.from) => {
                core.presume(now, incarnation, frame.from);
            }
            body => {
                if core.is_heard(frame.from) {
                    drop(core);
                    self.handle_call_frame(frame.from, body);
                }
            }
        }
    }

    fn handle_datagram(&self, datagram: &[u8]) {
        let now = self.clock.now();
        let taken = self.core.lock().membership.handle_datagram(now, datagram);
        if let Err(why) = taken {
            self.world.misread(&why);
        }
    }

    fn handle_dead(&self, address: &str) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let view = Arc::clone(core.membership.view());
        let there = view.members().filter(|it| !it.state.is_gone() && *it.address == *address);
        for member in there {
            core.membership.handle_death(now, member.incarnation, Death::Proof);
        }
    }

    /// Somebody should look at the rows of who is there. If it also refuses new connections its death is
    /// presumed, and the others are told.
    fn handle_broken(&self, address: &str, refused: bool) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        let there: Vec<Incarnation> = core
            .membership
            .view()
            .members()
            .filter(|member| member.state.is_living() && *member.address == *address)
            .map(|member| member.incarnation)
            .collect();
        let Some(me) = core.incarnation() else { return };
        let mut broken = Vec::new();
        for it in there {
            if self.config.is_fixed() {
                broken.push(it);
                continue;
            }
            if !refused {
                core.membership.handle_hint(now, it);
                continue;
            }
            core.presume(now, it, me);
            let living = core.membership.view().members().filter(|member| member.state.is_living());
            for member in
                living.map(|member| member.incarnation).filter(|to| *to != it && *to != me)
            {
                self.send_from(&core, member, Body::Presumed(it));
            }
        }
        drop(core);
        if !broken.is_empty() {
            // It is not replaced: what was on its way there has no answer, as far as anybody can tell.
            self.end_calls(|at| broken.contains(&at));
        }
    }
}

impl Core {
    /// A member is said to have reset its connections and to refuse new ones, by `by`. What was said long ago
    /// is forgotten with the view.
    fn presume(&mut self, now: Instant, incarnation: Incarnation, by: Incarnation) {
        let view = Arc::clone(self.membership.view());
        let is_living = |it: &Incarnation| view.state(*it).is_some_and(|state| state.is_living());
        self.presumed.retain(|it, _| is_living(it));
        if !is_living(&incarnation) {
            return;
        }
        let eyes = self.presumed.entry(incarnation).or_default();
        eyes.retain(|_, at| now.saturating_since(*at) < PRESUMED_FOR);
        eyes.insert(by, now);
        let seen_by = eyes.len();
        self.membership.handle_death(now, incarnation, Death::Presumption { seen_by });
    }

    pub(crate) fn incarnation(&self) -> Option<Incarnation> {
        self.life.as_ref().map(|life| life.incarnation)
    }

    /// Whether frames of this incarnation are taken: it is not down.
    pub(crate) fn is_heard(&self, from: Incarnation) -> bool {
        let view = self.membership.view();
        match view.state(from) {
            Some(state) => !state.is_gone(),
            None => from.0 > view.number.0,
        }
    }
}

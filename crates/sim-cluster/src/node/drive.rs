use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tenure_protocol::cluster::Sizes;
use tenure_protocol::view::membership::{Death, Membership, Timer};
use tenure_runtime::Runtime;
use tenure_sim::net::{Closed, Heard, Port};
use tenure_sim::remote::ServiceLink;
use tenure_sim::{Dice, Machine, SimTasks};
use tenure_types::{ActorId, Clock as _, Incarnation, Instant, Tasks as _, ViewNumber};

use super::life::{Life, Local, Picture};
use super::outer::{Neighbour, Outer};
use crate::frame::{Body, Frame};
use crate::machines::TableService;

/// How often a node looks after what nobody reminds it of.
const LOOK_PERIOD: Duration = Duration::from_millis(100);
/// How long another member's presumption of a death counts beside one's own.
const PRESUMED_FOR: Duration = Duration::from_secs(2);

/// A process of a node.
pub struct Host {
    pub(super) outer: Arc<Outer>,
    pub(super) machine: Machine,
    pub(super) process: Arc<SimTasks>,
    pub(super) port: Port<Frame>,
    pub(super) table: ServiceLink<TableService>,
    pub(super) core: Mutex<Core>,
    queue: Mutex<Queue>,
}

/// What the node's one owner has.
pub(super) struct Core {
    pub(super) membership: Membership,
    pub(super) timer: Option<(Timer, Instant)>,
    pub(super) life: Option<Life>,
    /// Incarnations that are being fenced.
    pub(super) fencing: BTreeSet<Incarnation>,
    /// Who presumes the death of which members, and since when.
    presumed: BTreeMap<Incarnation, BTreeMap<Incarnation, Instant>>,
    pub(super) dice: Dice,
    pub(super) look_at: Instant,
    /// It leaves, and does not join again.
    pub(super) is_leaving: bool,
}

#[derive(Default)]
struct Queue {
    locals: VecDeque<(Incarnation, Local)>,
    waker: Option<Waker>,
}

/// What the owner looks at next.
enum Next {
    Local(Incarnation, Local),
    Heard(Heard<Frame>),
    Time,
}

impl Host {
    /// Starts a process on a machine; it joins the cluster.
    pub fn start(outer: &Arc<Outer>, machine: &Machine) -> Arc<Self> {
        let process = machine.start();
        let port = outer.net.bind(machine, &process);
        let core = Core {
            membership: Membership::new(outer.membership, ViewNumber(0)),
            timer: None,
            life: None,
            fencing: BTreeSet::new(),
            presumed: BTreeMap::new(),
            dice: outer.sim.dice(),
            look_at: process.clock().now() + LOOK_PERIOD,
            is_leaving: false,
        };
        let host = Arc::new(Self {
            table: outer.table.link(machine, &process),
            outer: Arc::clone(outer),
            machine: machine.clone(),
            process: Arc::clone(&process),
            port,
            core: Mutex::new(core),
            queue: Mutex::default(),
        });
        let neighbour: Weak<dyn Neighbour> =
            Arc::downgrade(&(Arc::clone(&host) as Arc<dyn Neighbour>));
        outer.neighbours.lock().push(neighbour);
        host.pass(Incarnation(0), Local::Join);
        let driven = Arc::clone(&host);
        process.spawn("node", Box::pin(async move { driven.drive().await }));
        host
    }

    /// Its process.
    pub fn process(&self) -> &Arc<SimTasks> {
        &self.process
    }

    /// Its machine's number.
    pub fn number(&self) -> u32 {
        self.machine.number()
    }

    /// Its runtime, once it stands.
    pub fn runtime(&self) -> Option<Arc<Runtime>> {
        self.core.lock().life.as_ref()?.runtime.clone()
    }

    /// Its incarnation, while it is a member.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.core.lock().life.as_ref().map(|life| life.incarnation)
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
        let handed = life.handed.values().filter(|it| it.actor == *actor).count();
        let has = self.outer.types.len();
        let runtime = life.runtime.as_ref().map(|it| it.activations());
        format!(
            "{}: {} calls seek, {handed} handed, lease {:?} at {:?}, runtime {runtime:?} of {has} types; {}",
            life.incarnation,
            seeking,
            core.membership.lease_until(),
            self.process.clock().now(),
            life.cluster.explain(actor)
        )
    }

    /// How much it has of what is bounded, while it is a member.
    pub fn sizes(&self) -> Option<(Incarnation, Sizes)> {
        let core = self.core.lock();
        core.life.as_ref().map(|life| (life.incarnation, life.cluster.sizes()))
    }

    pub(super) fn is_owner_of(&self, actor: &ActorId) -> bool {
        let core = self.core.lock();
        let life = core.life.as_ref();
        life.is_some_and(|it| it.cluster.owner_of(actor) == Some(it.incarnation))
    }

    /// Ends the process at once. Its sockets close the later the more memory it has; its sentinel, if
    /// that lives, tells the others.
    pub fn kill(&self, memory_mib: u32) {
        let incarnation = self.incarnation();
        self.process.kill();
        self.outer.net.killed(&self.machine, &self.process, memory_mib);
        let Some(incarnation) = incarnation else { return };
        let tells = self.core.lock().dice.below(100) < self.outer.sentinel_percent;
        if tells && self.machine.is_running() {
            let living = self.outer.living();
            living.into_iter().for_each(|it| it.hear_of_death(incarnation));
        }
    }

    /// Takes its machine's power.
    pub fn power_off(&self) {
        self.process.kill();
        self.outer.net.power_off(&self.machine);
    }

    /// Lets it leave in good order.
    pub fn drain(&self) {
        self.pass(Incarnation(0), Local::Drain);
    }

    /// Keeps what happened inside until the owner looks at it. `of` zero: of the process.
    pub(super) fn pass(&self, of: Incarnation, local: Local) {
        let mut queue = self.queue.lock();
        queue.locals.push_back((of, local));
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends a frame to a member, if it is known where that is.
    pub(crate) fn send(&self, to: Incarnation, body: Body) {
        let core = self.core.lock();
        self.send_from(&core, to, body);
    }

    pub(super) fn send_from(&self, core: &Core, to: Incarnation, body: Body) {
        let Some(from) = core.life.as_ref().map(|life| life.incarnation) else { return };
        let member = core.membership.view().member(to);
        let place = member.and_then(|member| member.address.parse().ok());
        if let Some(place) = place {
            self.port.send(place, Frame { from, to, body });
        }
    }

    async fn drive(self: Arc<Self>) {
        loop {
            match self.next().await {
                Next::Local(of, local) => self.handle_local(of, local),
                Next::Heard(heard) => self.handle_heard(heard),
                Next::Time => self.handle_time(),
            }
            self.carry_out();
        }
    }

    fn due(&self) -> Instant {
        let core = self.core.lock();
        let timer = core.timer.map_or(Instant::NEVER, |(_, at)| at);
        let directory = core.life.as_ref().and_then(|life| life.cluster.next_due());
        timer.min(directory.unwrap_or(Instant::NEVER)).min(core.look_at)
    }

    async fn next(&self) -> Next {
        let due = self.due();
        let mut heard = pin!(self.port.heard());
        let mut time = self.process.sleep_until(due);
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

    fn handle_time(self: &Arc<Self>) {
        let now = self.process.clock().now();
        let mut core = self.core.lock();
        if let Some((timer, _)) = core.timer.filter(|(_, at)| *at <= now) {
            core.timer = None;
            core.membership.handle_timer(now, timer);
        }
        if let Some(life) = &mut core.life {
            life.cluster.handle_time(now);
        }
        if core.look_at <= now {
            core.look_at = now + LOOK_PERIOD;
            drop(core);
            self.look_after_calls();
            self.look_after_drain();
        }
    }

    fn handle_heard(self: &Arc<Self>, heard: Heard<Frame>) {
        match heard {
            Heard::Message { from, message, .. } => self.handle_frame(from, message),
            Heard::Closed { peer, why, .. } => self.handle_closed(peer, why),
        }
    }

    fn handle_frame(self: &Arc<Self>, place: u32, frame: Frame) {
        match frame.body {
            Body::Ask(ask) => return self.answer_client(place, ask),
            Body::Follow(follow) => return self.answer_follow(place, follow),
            Body::Read(read) => return self.answer_reader(place, read),
            _ => {}
        }
        let now = self.process.clock().now();
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

    /// Connections to a member broke: somebody should look at its row. If it also refuses new ones its death is
    /// presumed, and the others are told.
    fn handle_closed(&self, peer: u32, why: Closed) {
        let now = self.process.clock().now();
        let mut core = self.core.lock();
        let address = peer.to_string();
        let there: Vec<Incarnation> = core
            .membership
            .view()
            .members()
            .filter(|member| member.state.is_living() && *member.address == *address)
            .map(|member| member.incarnation)
            .collect();
        let Some(me) = core.incarnation() else { return };
        for it in there {
            if why != Closed::Refused {
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
    }
}

impl Neighbour for Host {
    fn is_living(&self) -> bool {
        !self.process.is_dead()
    }

    fn hear_of_death(self: Arc<Self>, incarnation: Incarnation) {
        let way = Duration::from_micros(300 + self.core.lock().dice.below(3_000));
        let at = self.process.clock().now() + way;
        let process = Arc::clone(&self.process);
        let tell = async move {
            self.process.sleep_until(at).await;
            self.pass(Incarnation(0), Local::Died(incarnation));
        };
        process.spawn("sentinel", Box::pin(tell));
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

    pub(super) fn incarnation(&self) -> Option<Incarnation> {
        self.life.as_ref().map(|life| life.incarnation)
    }

    /// Whether frames of this incarnation are taken: it is not down.
    pub(super) fn is_heard(&self, from: Incarnation) -> bool {
        let view = self.membership.view();
        match view.state(from) {
            Some(state) => !state.is_gone(),
            None => from.0 > view.number.0,
        }
    }
}

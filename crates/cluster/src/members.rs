//! Carries out what the membership decides.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tenure_protocol::cluster::Cluster;
use tenure_protocol::view::MemberState;
use tenure_protocol::view::membership::{Death, Effect, Lost};
use tenure_protocol::view::table::{JoinToken, TableAction, TableAnswer, TableRequest};
use tenure_runtime::{Runtime, Seat as RuntimeSeat, StartError};
use tenure_types::{Incarnation, ViewNumber};

use crate::driver::{Core, Driver};
use crate::follow::Follows;
use crate::level::Level;
use crate::life::{Life, Local};
use crate::message::Body;
use crate::refusals::{not_executed, unknown};
use crate::roll::Drain;
use crate::seat::NodeSeat;
use crate::told::Told;
use crate::way::Way;
use crate::world::World;

/// After how long a store that could not be joined, or could not fence, is asked again.
const STORE_AGAIN: Duration = Duration::from_millis(100);
/// After how long a node that was discarded joins again.
const JOIN_AGAIN: Duration = Duration::from_millis(200);

impl<W: World> Driver<W> {
    pub(crate) fn handle_local(self: &Arc<Self>, of: Incarnation, local: Local) {
        let now = self.clock.now();
        let mut core = self.core.lock();
        if of != Incarnation(0) && core.incarnation() != Some(of) {
            drop(core);
            return drop_local(local);
        }
        match local {
            Local::Join => self.join(&mut core),
            Local::Drain { is_serving } => self.begin_drain(&mut core, is_serving),
            Local::Abandon => {
                core.is_leaving = true;
                drop(core);
                self.discard();
            }
            Local::Cordon(is_cordoned) => core.cordon(is_cordoned),
            Local::Answered(request, result) => {
                core.membership.handle_answer(now, request, result);
            }
            Local::Numbered(numbers) => core.membership.numbered(numbers),
            Local::Fenced(incarnation) => {
                core.fencing.remove(&incarnation);
                core.membership.handle_fenced(incarnation);
                if let Some(life) = &mut core.life {
                    life.cluster.handle_fenced(now, incarnation);
                }
            }
            Local::Died(incarnation) => {
                core.membership.handle_death(now, incarnation, Death::Proof);
            }
            Local::Started(runtime) => {
                self.world.stands(&runtime);
                if let Some(life) = &core.life {
                    life.way.runtime.get_or_init(|| runtime);
                }
                core.membership.ready(now);
            }
            local => {
                drop(core);
                self.handle_activation(local);
            }
        }
    }

    fn join(&self, core: &mut Core) {
        let seat = self.world.place();
        let (high, low) = (self.world.below(u64::MAX), self.world.below(u64::MAX));
        let token = JoinToken(u128::from(high) << 64 | u128::from(low));
        core.membership.join(self.clock.now(), seat, token);
    }

    /// Does what both machines want, until they want nothing more.
    pub(crate) fn carry_out(self: &Arc<Self>) {
        loop {
            let mut core = self.core.lock();
            let members = core.membership.take_effects();
            core.publish_lease();
            let directory = core.life.as_mut().map(|life| life.cluster.take_effects());
            drop(core);
            let directory = directory.unwrap_or_default();
            if members.is_empty() && directory.is_empty() {
                return;
            }
            members.into_iter().for_each(|told| self.carry_out_told(told));
            directory.into_iter().for_each(|effect| self.carry_out_directory(effect));
        }
    }

    fn carry_out_told(self: &Arc<Self>, told: Told) {
        match told {
            Told::Member(effect) => self.carry_out_member(effect),
            Told::Number(count) => self.number(count),
            Told::Datagram { to, datagram } => self.world.send_datagram(&to, datagram),
            Told::Knock(datagram) => self.world.knock(datagram),
            Told::OtherList(node) => self.world.differs(&node),
        }
    }

    /// Has the store hand out incarnations, which grow over restarts: all nodes share it.
    fn number(self: &Arc<Self>, count: usize) {
        let store = self.world.store();
        let driver = Arc::clone(self);
        let number = async move {
            let mut numbers = Vec::new();
            while numbers.len() < count {
                match store.next_incarnation().await {
                    Ok(incarnation) => numbers.push(incarnation),
                    Err(error) => {
                        driver.world.refused(&StartError::Store(error));
                        driver.tasks.sleep_until(driver.clock.now() + STORE_AGAIN).await;
                    }
                }
            }
            driver.pass(Incarnation(0), Local::Numbered(numbers));
        };
        self.tasks.spawn("number", Box::pin(number));
    }

    fn carry_out_member(self: &Arc<Self>, effect: Effect) {
        match effect {
            Effect::Ask { request, ask } => self.ask_table(request, ask),
            Effect::SetTimer { timer, at } => self.core.lock().membership.set_timer(timer, at),
            Effect::Joined(incarnation) => self.begin_life(incarnation),
            Effect::View(view) => {
                // Before lanes let anybody in: whoever calls from there can be answered.
                self.end_calls_at_gone(&view);
                self.world.learnt(&view);
                let ring = self.world.rings().of(&view);
                let now = self.clock.now();
                self.core.lock().roll.handle_view(now, &view);
                self.with_life(|life| {
                    life.cluster.handle_view_and_ring(now, Arc::clone(&view), ring);
                    life.level.iter_mut().for_each(|level| level.handle_view(now, &view));
                });
                self.look_after_hosts(|it| view.state(it).is_none_or(MemberState::is_gone));
                self.with_runtime(|runtime| runtime.look_for_reminders());
            }
            Effect::Suspend => {
                self.world.reached("suspended");
                self.world.suspended();
                self.with_runtime(|runtime| runtime.suspend());
            }
            Effect::Resume => {
                self.world.reached("resumed");
                self.with_runtime(|runtime| runtime.resume());
            }
            Effect::Discard => self.discard(),
            Effect::Left => {
                self.world.reached("left");
                self.world.left();
            }
            Effect::Fence(incarnation) => self.fence(incarnation),
            Effect::Hint(number) => self.hint(number),
            Effect::Trouble(trouble) => self.world.trouble(&trouble),
        }
    }

    fn with_runtime(&self, work: impl FnOnce(&Arc<Runtime>)) {
        if let Some(runtime) = self.runtime() {
            work(&runtime);
        }
    }

    fn ask_table(self: &Arc<Self>, request: u64, ask: TableRequest) {
        let driver = Arc::clone(self);
        let asking = self.answer_in_time(ask);
        let task = async move {
            let result = asking.await;
            driver.pass(Incarnation(0), Local::Answered(request, result));
        };
        self.tasks.spawn("table", Box::pin(task));
    }

    /// Asks now; the answer is lost when it takes too long.
    fn answer_in_time(
        &self,
        ask: TableRequest,
    ) -> impl Future<Output = Result<TableAnswer, Lost>> + use<W> {
        let until = self.clock.now() + self.config.membership.terms.ask_time_max;
        let mut asking = self.world.ask_table(ask);
        let mut late = self.tasks.sleep_until(until);
        poll_fn(move |cx| match asking.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => late.as_mut().poll(cx).map(|()| Err(Lost)),
        })
    }

    /// The table has a row: the store is joined, and the runtime started over it.
    fn begin_life(self: &Arc<Self>, incarnation: Incarnation) {
        let lease_until = Arc::new(AtomicU64::new(0));
        let store = self.world.store();
        let seat = NodeSeat {
            incarnation,
            lease_until: Arc::clone(&lease_until),
            has_table: self.config.without_table.is_none(),
            driver: Arc::downgrade(self),
        };
        let seat = Arc::new(seat);
        let mut core = self.core.lock();
        let seed = self.world.below(u64::MAX);
        let cluster = Cluster::new(incarnation, self.config.cluster.clone(), seed);
        let view = Arc::clone(core.membership.view());
        let way = Arc::new(Way::new(incarnation, Arc::clone(&view)));
        let mut life = Life {
            incarnation,
            cluster,
            way: Arc::clone(&way),
            lease_until,
            seeking: Default::default(),
            packed: Default::default(),
            arrived: Default::default(),
            gone: Default::default(),
            follows: Follows::new(),
            drain: Drain::default(),
            level: self.config.level.as_ref().map(Level::new),
        };
        let ring = self.world.rings().of(&view);
        life.cluster.handle_view_and_ring(self.clock.now(), view, ring);
        core.life = Some(life);
        self.way.store(Some(way));
        if core.is_cordoned {
            core.accept();
        }
        drop(core);
        let driver = Arc::clone(self);
        let start = async move {
            loop {
                let seat = Arc::clone(&seat) as Arc<dyn RuntimeSeat>;
                let parts = driver.world.parts(Arc::clone(&store), seat);
                match Runtime::start(parts, &driver.config.types).await {
                    Ok(runtime) => return driver.pass(incarnation, Local::Started(runtime)),
                    Err(_) if driver.incarnation() != Some(incarnation) => return,
                    Err(error) => {
                        driver.world.refused(&error);
                        driver.tasks.sleep_until(driver.clock.now() + STORE_AGAIN).await;
                    }
                }
            }
        };
        self.tasks.spawn("start", Box::pin(start));
    }

    /// Everything in memory goes; the process joins again as a new incarnation.
    fn discard(self: &Arc<Self>) {
        self.world.reached("discarded");
        self.world.suspended();
        let mut core = self.core.lock();
        let Some(life) = core.life.take() else { return };
        let is_leaving = core.is_leaving;
        self.way.store(None);
        drop(core);
        let (away, unsent) = life.way.close();
        life.lease_until.store(0, Ordering::Relaxed);
        if let Some(runtime) = life.runtime() {
            runtime.discard();
        }
        for seeking in life.seeking.into_values().flatten() {
            seeking.call.settle(Err(not_executed()));
        }
        for unsent in unsent {
            unsent.call.settle(Err(not_executed()));
        }
        for handed in away {
            handed.seeking.call.settle(Err(unknown()));
        }
        let joins_again = self.world.discarded(life.incarnation);
        if is_leaving || !joins_again {
            return self.say_goodbye(life.incarnation);
        }
        let driver = Arc::clone(self);
        let again = async move {
            driver.tasks.sleep_until(driver.clock.now() + JOIN_AGAIN).await;
            driver.pass(Incarnation(0), Local::Join);
        };
        self.tasks.spawn("join-again", Box::pin(again));
    }

    /// Tells the others that nothing is left of this incarnation, so that nobody waits for its lease to end, and is
    /// gone. Said once: where it is lost, the others wait.
    fn say_goodbye(self: &Arc<Self>, incarnation: Incarnation) {
        let mut core = self.core.lock();
        if !core.membership.has_table() {
            // The others take it for gone as soon as one of them hears it.
            return core.membership.left(self.clock.now());
        }
        let seen = core.membership.view().number;
        drop(core);
        let action = TableAction::DownProven { incarnation };
        let asking = self.answer_in_time(TableRequest { seen, action });
        let driver = Arc::clone(self);
        let goodbye = async move {
            let _ = asking.await;
            driver.world.left();
        };
        self.tasks.spawn("goodbye", Box::pin(goodbye));
    }

    pub(crate) fn fence(self: &Arc<Self>, incarnation: Incarnation) {
        if !self.core.lock().fencing.insert(incarnation) {
            return;
        }
        let store = self.world.store();
        let driver = Arc::clone(self);
        let fence = async move {
            while store.fence(incarnation).await.is_err() {
                driver.tasks.sleep_until(driver.clock.now() + STORE_AGAIN).await;
            }
            driver.world.fenced(incarnation);
            driver.pass(Incarnation(0), Local::Fenced(incarnation));
        };
        self.tasks.spawn("fence", Box::pin(fence));
    }

    fn hint(&self, number: ViewNumber) {
        let core = self.core.lock();
        let view = Arc::clone(core.membership.view());
        let me = core.incarnation();
        for member in view.members().filter(|it| it.state.is_living()) {
            if Some(member.incarnation) != me {
                self.send_from(&core, member.incarnation, Body::Hint(number));
            }
        }
    }
}

impl Core {
    /// The runtime looks at the lease by itself, whenever it releases something.
    fn publish_lease(&self) {
        if let Some(life) = &self.life {
            let until = self.membership.lease_until().as_nanos();
            life.lease_until.store(until, Ordering::Relaxed);
        }
    }
}

/// What belongs to an incarnation that is over.
fn drop_local(local: Local) {
    if let Local::Absent { call, .. } = local {
        call.settle(Err(not_executed()));
    }
}

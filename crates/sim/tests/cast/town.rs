//! One actor type of each mode, that together do everything an actor can do, and callers who make
//! them; what happened is counted.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tenure::prelude::*;
use tenure_actor::ActorRef;
use tenure_actor::host::HostHandle;
use tenure_runtime::Runtime;
use tenure_sim::{Dice, Node, NodeSpec, Simulation};
use tenure_store::{Content, MemoryDisk};
use tenure_types::{ActorId, ActorTypeName};

use super::{MS, SECOND};

/// How many keys callers of the bank have.
const KEYS: u64 = 30;

thread_local! {
    static SEEN: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
    static LIFE: Cell<u64> = const { Cell::new(0) };
}

/// Counts that something happened. A simulation has one thread.
pub fn saw(what: &'static str) {
    SEEN.with_borrow_mut(|seen| *seen.entry(what).or_default() += 1);
}

/// What happened since the last time, by name.
#[must_use]
pub fn take_seen() -> BTreeMap<&'static str, u64> {
    LIFE.set(0);
    SEEN.take()
}

#[tenure::data]
pub struct Coin {
    sum: u64,
}

/// Written behind, with events and everything that comes later.
#[tenure::data]
#[derive(Default)]
pub struct Purse {
    sum: u64,
}

#[actor(persist = write_behind(max_delay = "100ms"), events = Coin)]
impl Purse {
    #[activate]
    fn open(&mut self, _cx: &mut Context<Self>) {
        saw("activated");
    }

    #[deactivate]
    fn close(&mut self, _cx: &mut Context<Self>) {
        saw("deactivated");
    }

    pub fn add(&mut self, cx: &mut Context<Self>, by: u64) -> u64 {
        self.sum += by;
        cx.emit(Coin { sum: self.sum });
        self.sum
    }

    #[handler(persist = write_through)]
    pub fn add_for_good(&mut self, by: u64) -> u64 {
        self.sum += by;
        self.sum
    }

    pub fn sum(&self) -> u64 {
        self.sum
    }

    pub fn tick_every(&mut self, cx: &mut Context<Self>, ms: u64) {
        let timer = cx.every(Duration::from_millis(ms), PurseTick {});
        cx.once(Duration::from_millis(ms * 4), PurseStop { timer: timer.0 });
    }

    #[handler(internal)]
    pub fn tick(&mut self) {
        saw("timer");
    }

    #[handler(internal)]
    pub fn stop(&mut self, cx: &mut Context<Self>, timer: u64) {
        cx.stop_timer(tenure::TimerId(timer));
    }

    #[handler(internal)]
    pub fn late(&mut self) {
        saw("delayed send");
    }

    pub fn remind_me(&mut self, cx: &mut Context<Self>, ms: u64) {
        cx.remind("purse", Duration::from_millis(ms), PurseRing { life: LIFE.get() });
    }

    #[handler(internal)]
    pub fn ring(&mut self, life: u64) {
        saw("reminder");
        if life != LIFE.get() {
            saw("reminder of an earlier life");
        }
    }

    pub fn work(&mut self, cx: &mut Context<Self>) {
        let other = cx.actor::<Purse>("p0");
        cx.spawn(async move { other.sum().await.is_ok() }, |_| PurseDone {});
    }

    #[handler(internal)]
    pub fn done(&mut self) {
        saw("spawned work");
    }

    pub fn forget(&mut self, cx: &mut Context<Self>) {
        saw("deleted");
        cx.delete();
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

/// Event-sourced.
#[tenure::data]
#[derive(Default)]
pub struct Story {
    lines: u64,
}

#[tenure::data]
pub struct Line {
    number: u64,
}

#[actor(persist = event_sourced(snapshot_every = 5), events = Line)]
impl Story {
    fn apply(&mut self, line: &Line) {
        assert_eq!(line.number, self.lines + 1, "events are applied in their order, once");
        self.lines = line.number;
    }

    pub fn tell(&self, cx: &mut Context<Self>) -> u64 {
        cx.record(Line { number: self.lines + 1 });
        self.lines + 1
    }

    pub fn remind_me(&self, cx: &mut Context<Self>, ms: u64) {
        cx.remind("story", Duration::from_millis(ms), StoryRing {});
    }

    #[handler(internal)]
    pub fn ring(&self, cx: &mut Context<Self>) {
        cx.record(Line { number: self.lines + 1 });
        saw("reminder of a story");
    }

    pub fn lines(&self) -> u64 {
        self.lines
    }
}

/// Write-through, and calls others under keys derived from its own.
#[tenure::data]
#[derive(Default)]
pub struct Bank {
    paid: u64,
}

#[tenure::error]
pub struct NotNow;

#[actor]
impl Bank {
    pub async fn pay_two(&mut self, cx: &mut Context<Self>, to: u64) -> Result<u64, NotNow> {
        for till in [to, to + 1] {
            let paid = cx.actor::<Bank>(format!("till{till}")).pay().await;
            paid.map_err(|_| NotNow)?;
        }
        self.paid += 2;
        Ok(self.paid)
    }

    pub fn pay(&mut self) -> u64 {
        self.paid += 1;
        self.paid
    }

    pub fn paid(&self) -> u64 {
        self.paid
    }
}

/// Volatile; waits for others who wait.
#[derive(Default)]
pub struct Knight;

#[actor(persist = volatile)]
impl Knight {
    pub async fn duel(&mut self, cx: &mut Context<Self>, with: u64) {
        cx.sleep(MS).await;
        if let Err(CallError::Cycle { .. }) = cx.actor::<Knight>(with).stand().await {
            saw("circle");
        }
    }

    pub fn stand(&mut self) {}
}

/// What callers were told and will ask for again, over all lives of the node.
#[derive(Clone, Default)]
pub struct Town {
    /// Replies of the bank by key, told.
    told: Arc<Mutex<BTreeMap<u64, u64>>>,
    /// How many lines of each story were told.
    lines: Arc<Mutex<BTreeMap<u64, u64>>>,
    /// Where readers of events are: epoch and offset.
    readers: Arc<Mutex<BTreeMap<u64, (u64, u64)>>>,
}

/// Starts a node with little memory.
#[must_use]
pub fn start(sim: &Simulation, disk: &MemoryDisk) -> Node {
    LIFE.set(LIFE.get() + 1);
    let spec = NodeSpec::new().with::<Purse>().with::<Story>().with::<Bank>().with::<Knight>();
    let spec = spec.config(|config| {
        config.memory_bytes_max = 2_500;
        config.idle_after = 20 * SECOND;
        config.deadline = 10 * SECOND;
    });
    sim.run_until(async {
        loop {
            if let Ok(node) = spec.try_start(sim, disk).await {
                return node;
            }
        }
    })
}

impl Town {
    /// Starts callers in the node's process, each with its own dice.
    pub fn spawn_callers(&self, node: &Node, dice: &mut Dice) {
        for _ in 0..8 {
            let caller = Caller {
                runtime: Arc::clone(node.runtime()),
                handle: node.handle(),
                dice: dice.split(),
                town: self.clone(),
            };
            node.spawn("caller", caller.run());
        }
    }

    /// Asks every story and every till, and notes what they say: no line that was told is lost, and
    /// each key has paid two tills once.
    pub fn check(&self, sim: &Simulation, node: &Node) {
        // Not under the lock: callers go on meanwhile.
        let lines = self.lines.lock().clone();
        for (key, told) in lines {
            let story = node.actor::<Story>(format!("s{key}"));
            let lines = persist(sim, node, || story.lines());
            assert!(lines >= told, "story {key}: {told} lines were told, {lines} are left");
            sim.note(format!("story {key} has {lines} lines"));
        }
        let (told, mut paid) = (self.told.lock().len() as u64, 0);
        for till in 0..4 {
            let till = node.actor::<Bank>(format!("till{till}"));
            paid += persist(sim, node, || till.paid());
        }
        assert!((told * 2..=KEYS * 2).contains(&paid), "{told} keys were told, {paid} was paid");
        sim.note(format!("{paid} was paid"));
    }
}

/// Makes a call again until it is answered.
fn persist<C: IntoFuture<Output = Result<T, CallError>>, T>(
    sim: &Simulation,
    node: &Node,
    call: impl Fn() -> C,
) -> T {
    sim.run_until(async {
        loop {
            match call().await {
                Ok(value) => return value,
                Err(CallError::Storage { .. } | CallError::Overloaded { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            let handle = node.handle();
            handle.tasks().sleep_until(handle.clock().now() + 100 * MS).await;
        }
    })
}

struct Caller {
    runtime: Arc<Runtime>,
    handle: HostHandle,
    dice: Dice,
    town: Town,
}

impl Caller {
    async fn run(mut self) {
        loop {
            let key = self.dice.below(12);
            match self.dice.below(16) {
                0..6 => self.spend(key).await,
                6 | 7 => self.tell(key % 8).await,
                8 | 9 => self.pay().await,
                10 => self.read(key).await,
                11 => self.duel().await,
                _ => self.leave_for_later(key).await,
            }
            let ms = self.dice.below(60) as u32;
            match self.dice.below(20) {
                0 => self.pause(3 * SECOND).await,
                1..14 => self.pause(MS * ms).await,
                _ => {}
            }
        }
    }

    async fn pause(&self, pause: Duration) {
        self.handle.tasks().sleep_until(self.handle.clock().now() + pause).await;
    }

    fn purse(&self, key: u64) -> PurseRef {
        ActorRef::<Purse>::new(&self.handle, format!("p{key}")).into()
    }

    fn bank(&self, key: &str) -> BankRef {
        ActorRef::<Bank>::new(&self.handle, key).into()
    }

    async fn spend(&mut self, key: u64) {
        let purse = self.purse(key);
        let (told, was_held) = match self.dice.below(4) {
            0 => (purse.add(1).durable().await, true),
            1 => (purse.add_for_good(1).await, true),
            _ => (purse.add(1).await, false),
        };
        match told {
            Ok(_) if was_held => saw("held reply"),
            Ok(_) => saw("reply at once"),
            Err(CallError::Overloaded { actor: false, .. }) => saw("no room"),
            Err(_) => {}
        }
    }

    async fn tell(&mut self, key: u64) {
        let story = StoryRef::from(ActorRef::<Story>::new(&self.handle, format!("s{key}")));
        if self.dice.one_in(4) {
            drop(story.remind_me(self.dice.below(20_000)).await);
        } else if let Ok(lines) = story.tell().await {
            let mut told = self.town.lines.lock();
            let most = told.entry(key).or_default();
            *most = lines.max(*most);
        }
    }

    /// Calls the bank under a key, that of an earlier call more often than not.
    async fn pay(&mut self) {
        let key = self.dice.below(KEYS);
        let bank = self.bank("bank");
        let mut call =
            bank.pay_two(key % 3).idempotency_key(format!("k{key}")).deadline(SECOND).into_future();
        let told = poll_fn(|cx| Pin::new(&mut call).poll(cx)).await;
        let Ok(paid) = told else { return };
        if call.was_replayed() {
            saw("replay");
        }
        let before = *self.town.told.lock().entry(key).or_insert(paid);
        assert_eq!(before, paid, "k{key} was told two replies");
    }

    async fn read(&mut self, key: u64) {
        let target = ActorRef::<Purse>::new(&self.handle, format!("p{key}"));
        let target = target.target().expect("a good key").clone();
        let (epoch, offset) = self.town.readers.lock().get(&key).copied().unwrap_or_default();
        let Ok(page) = self.runtime.events(&target, epoch, offset).await else { return };
        match page.recovered {
            true if !page.events.is_empty() => saw("events went on"),
            false if epoch != 0 && page.epoch != epoch => saw("another epoch"),
            _ => {}
        }
        let last = page.events.last().map_or(offset, |(offset, _)| *offset);
        let last = if page.recovered { last } else { page.offset };
        self.town.readers.lock().insert(key, (page.epoch, last));
    }

    async fn duel(&mut self) {
        let (me, with) = (self.dice.below(3), self.dice.below(3));
        let knight = KnightRef::from(ActorRef::<Knight>::new(&self.handle, me));
        drop(knight.duel(with).await);
    }

    async fn leave_for_later(&mut self, key: u64) {
        let purse = self.purse(key);
        let ms = self.dice.below(20_000);
        match self.dice.below(12) {
            0..2 => drop(purse.tick_every(1 + ms / 100).await),
            2 | 3 => {
                let purse = ActorRef::<Purse>::new(&self.handle, format!("p{key}"));
                let later = Duration::from_millis(ms / 10);
                drop(purse.call(PurseLate {}).after(later).send().await);
            }
            4..8 => drop(purse.remind_me(ms).await),
            8 | 9 => drop(purse.work().await),
            10 => drop(purse.leave().await),
            _ => drop(purse.forget().await),
        }
    }
}

/// How many stories have a snapshot.
#[must_use]
pub fn snapshots(disk: &MemoryDisk) -> u64 {
    let actor_type = ActorTypeName::new("story").expect("a good name");
    let has_one = |key: &u64| {
        let key = Key::new(&format!("s{key}")).expect("a good key");
        let stored = disk.stored(&ActorId { actor_type, key }).expect("it is not damaged");
        stored.is_some_and(|it| matches!(it.content, Content::Journaled { snapshot: 1.. }))
    };
    (0..8).filter(has_one).count() as u64
}

//! What a turn leaves for later: reminders, timers, spawned work and delayed sends.

use std::time::Duration;

use tenure::prelude::*;
use tenure::{TestContext, TestReminder, TimerId};

const SECOND: Duration = Duration::from_secs(1);

/// An order that is paid or given up.
#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Order {
    log: Vec<String>,
    timer: Option<TimerId>,
    /// Names none at first.
    first: TimerId,
}

#[actor]
impl Order {
    pub fn place(&mut self, cx: &mut Context<Self>) {
        self.log.push("placed".to_owned());
        cx.remind("give up", 60 * SECOND, OrderGiveUp { why: "no money".to_owned() });
        cx.remind_every("nag", 20 * SECOND, OrderNag {});
    }

    pub fn pay(&mut self, cx: &mut Context<Self>) {
        self.log.push("paid".to_owned());
        cx.cancel_reminder("give up");
        cx.cancel_reminder("nag");
    }

    #[handler]
    fn give_up(&mut self, cx: &mut Context<Self>, why: String) {
        let reminder = cx.reminder().map(|id| id.name.to_string());
        self.log.push(format!("given up by {reminder:?}: {why}"));
        cx.cancel_reminder("nag");
    }

    #[handler]
    fn nag(&mut self, cx: &mut Context<Self>) {
        assert!(cx.reminder().is_some_and(|id| &*id.name == "nag"));
        self.log.push("pay!".to_owned());
    }

    pub fn watch(&mut self, cx: &mut Context<Self>) {
        self.timer = Some(cx.every(2 * SECOND, OrderTick { what: "tick".to_owned() }));
        cx.stop_timer(self.first);
        self.first = cx.once(3 * SECOND, OrderTick { what: "once".to_owned() });
    }

    pub fn unwatch(&mut self, cx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            cx.stop_timer(timer);
        }
    }

    #[handler(internal)]
    pub fn tick(&mut self, what: String) {
        self.log.push(what);
    }

    /// Asks a slow service without keeping other calls waiting.
    pub fn fetch(&mut self, cx: &mut Context<Self>) {
        let (answer, own) = (cx.sleep(40 * SECOND), cx.detached::<Order>(cx.key()));
        let work = async move {
            answer.await;
            // Past the deadline of the turn, and not in its chain.
            own.tick("almost".to_owned()).await.map_or(0, |()| 42)
        };
        cx.spawn(work, |found| OrderFetched { found });
        self.log.push("asked".to_owned());
    }

    #[handler]
    async fn fetched(&mut self, cx: &mut Context<Self>, found: u32) {
        cx.sleep(SECOND).await;
        self.log.push(format!("found {found}"));
    }

    pub async fn remember(&self, cx: &mut Context<Self>) -> Result<(), OrderError> {
        let own = cx.actor::<Order>(cx.key());
        own.tick("later".to_owned()).after(10 * SECOND).send().await?;
        let other = cx.actor::<Order>("other");
        other.tick("from afar".to_owned()).after(5 * SECOND).send().await?;
        Ok(())
    }

    pub fn erase(&mut self, cx: &mut Context<Self>) {
        cx.delete();
    }

    pub fn name_badly(&self, cx: &mut Context<Self>) {
        cx.remind("", SECOND, OrderNag {});
    }
}

/// Why an order did not remember.
#[tenure::error]
#[derive(PartialEq)]
enum OrderError {
    #[problem(status = 424, "{0}")]
    Call(String),
}

impl From<CallError> for OrderError {
    fn from(error: CallError) -> Self {
        OrderError::Call(error.to_string())
    }
}

fn reminder(name: &str, after: u64, every: Option<u64>, method: &str) -> TestReminder {
    TestReminder {
        name: name.to_owned(),
        after: Duration::from_secs(after),
        every: every.map(Duration::from_secs),
        method: method.to_owned(),
    }
}

#[test]
fn reminders_are_shown_and_cancelled() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    order.place(&mut cx);
    let nag = reminder("nag", 20, Some(20), "nag");
    assert_eq!(cx.reminders(), [nag, reminder("give up", 60, None, "give_up")]);
    cx.advance(15 * SECOND);
    assert_eq!(cx.reminders()[0], reminder("nag", 5, Some(20), "nag"));
    assert_eq!(cx.call(&mut order, OrderPlace {}), Ok(()));
    assert_eq!(cx.reminders()[0], reminder("nag", 20, Some(20), "nag"));
    order.pay(&mut cx);
    assert_eq!(cx.reminders(), []);
    assert_eq!(cx.cancelled_reminders(), ["give up", "nag"]);
    assert_eq!(cx.cancelled_reminders(), Vec::<String>::new());
    cx.advance_with(&mut order, 100 * SECOND);
    assert_eq!(order.log, ["placed", "placed", "paid"]);
}

#[test]
fn reminders_come_when_their_time_has_come() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    assert_eq!(cx.call(&mut order, OrderPlace {}), Ok(()));
    cx.advance_with(&mut order, 25 * SECOND);
    assert_eq!(order.log, ["placed", "pay!"]);
    assert_eq!(cx.reminders()[0], reminder("nag", 15, Some(20), "nag"));
    cx.advance_with(&mut order, 100 * SECOND);
    let given_up = "given up by Some(\"give up\"): no money";
    assert_eq!(order.log[1..], ["pay!", "pay!", given_up]);
    assert_eq!(cx.reminders(), []);
}

#[test]
fn a_reminder_waits_for_the_actor_and_what_was_missed_comes_once() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    order.place(&mut cx);
    cx.advance(50 * SECOND);
    assert_eq!(cx.reminders()[0].after, Duration::ZERO);
    assert_eq!(order.log.len(), 1);
    assert_eq!(cx.deliver(&mut order), 1);
    assert_eq!(order.log, ["placed", "pay!"]);
    assert_eq!(cx.reminders()[1], reminder("nag", 10, Some(20), "nag"));
}

#[test]
fn timers_tick_until_they_are_stopped() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    order.watch(&mut cx);
    cx.advance_with(&mut order, 7 * SECOND);
    assert_eq!(order.log, ["tick", "once", "tick", "tick"]);
    // One that finds the one before still waiting is left out.
    cx.advance(10 * SECOND);
    assert_eq!(cx.deliver(&mut order), 1);
    assert_eq!(order.log.len(), 5);
    assert_eq!(cx.call(&mut order, OrderUnwatch {}), Ok(()));
    cx.advance_with(&mut order, 10 * SECOND);
    assert_eq!(order.log.len(), 5);
}

#[test]
fn a_stored_timer_is_none() {
    use tenure::__private::{CODEC_NAMED, decode_named, encode_named};

    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    assert_eq!(cx.call(&mut order, OrderWatch {}), Ok(()));
    assert!(order.timer.is_some() && order.first != TimerId::default());
    let mut stored = Vec::new();
    encode_named(&order, &mut stored).unwrap();
    let order: Order = decode_named(CODEC_NAMED, &stored).unwrap();
    assert_eq!((order.timer, order.first), (None, TimerId::default()));
}

#[test]
fn spawned_work_comes_back_as_a_message() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    assert_eq!(cx.call(&mut order, OrderFetch {}), Ok(()));
    assert_eq!(order.log, ["asked"]);
    cx.advance(39 * SECOND);
    assert_eq!(cx.deliver(&mut order), 0);
    cx.advance(SECOND);
    assert_eq!(cx.deliver(&mut order), 1);
    assert_eq!(order.log, ["asked", "almost", "found 42"]);
    order.fetch(&mut cx);
    let start = cx.now();
    cx.advance_with(&mut order, 50 * SECOND);
    assert_eq!(order.log[3..], ["asked", "almost", "found 42"]);
    assert_eq!(cx.now() - start, 50 * SECOND);
}

#[test]
fn a_delayed_send_arrives_after_its_time() {
    let mut cx = TestContext::<Order>::new("1");
    cx.with::<Order>();
    let mut order = Order::default();
    assert_eq!(cx.call(&mut order, OrderRemember {}), Ok(()));
    cx.advance_with(&mut order, 9 * SECOND);
    assert_eq!((order.log.len(), cx.state::<Order>("other").log.len()), (0, 1));
    cx.advance_with(&mut order, SECOND);
    assert_eq!(order.log, ["later"]);
    let unknown = cx.actor::<Unknown>("x").touch().after(SECOND).send();
    let error = cx.block_on(unknown).unwrap_err();
    assert!(error.to_string().contains("no actor of type unknown"), "{error}");
}

#[test]
fn the_other_actors_of_a_test_live_on_the_clock_by_themselves() {
    let mut cx = TestContext::<Unknown>::new("x");
    cx.with::<Order>();
    let order = cx.actor::<Order>("1");
    assert_eq!(cx.block_on(order.place()), Ok(()));
    assert_eq!(cx.block_on(order.watch()), Ok(()));
    cx.advance(4 * SECOND);
    assert_eq!(cx.state::<Order>("1").log, ["placed", "tick", "once", "tick"]);
    assert_eq!(cx.block_on(order.erase()), Ok(()));
    cx.advance(100 * SECOND);
    assert_eq!(*cx.state::<Order>("1"), Order::default());
}

#[test]
fn a_deleted_actor_has_neither_reminders_nor_timers() {
    let mut cx = TestContext::<Order>::new("1");
    let mut order = Order::default();
    order.place(&mut cx);
    order.watch(&mut cx);
    assert_eq!(cx.call(&mut order, OrderErase {}), Ok(()));
    assert_eq!((cx.reminders(), cx.deletion_requested()), (vec![], true));
    cx.advance_with(&mut order, 100 * SECOND);
    assert_eq!(order, Order::default());
}

#[test]
#[should_panic(expected = "a reminder's name has 1 to 256 bytes")]
fn a_reminder_without_a_name_ends_the_test() {
    let mut cx = TestContext::<Order>::new("1");
    let _ = cx.call(&mut Order::default(), OrderNameBadly {});
}

#[derive(Default)]
struct Unknown;

#[actor(persist = volatile)]
impl Unknown {
    pub fn touch(&self) {}
}

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::prelude::*;

use crate::drill::{self, Drill};
use crate::{Allowance, Payment, Stock};

const GO_ON: &str = "go on";
/// How long an order waits before it tries again to reach somebody.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// A payment service remembers keys for a day. After that asking again may pay again.
const ASK_MS_MAX: u64 = 20 * 60 * 60 * 1_000;

/// One order: a saga that ends delivered or undone.
///
/// Each turn of `go_on` does one part of it and is asked for by a reminder. A crash loses
/// the turn, not the reminder: it comes again, and the part is done again. So everything that an
/// order asks of others has one effect however often it is asked, and nothing is told to be sold or
/// to be given back before it is durable which of the two it is.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    customer: String,
    lines: BTreeMap<String, u32>,
    phase: Phase,
    /// Whether everybody knows how the order went.
    closed: bool,
    /// What it costs, once it is paid.
    cents: u64,
    /// Why it is refused.
    why: Option<String>,
    /// When it began, in Unix milliseconds.
    begun_ms: u64,
}

/// How far an order is.
#[tenure::data]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// There is no order.
    #[default]
    None,
    /// It reserves, and pays.
    Begun,
    /// It is paid: what it reserved is sold.
    Paid,
    /// It is refused: what it reserved is given back.
    Refused,
    /// It is not known whether it is paid, and too late to ask: somebody decides.
    Unclear,
}

/// An order, as it is shown.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct OrderShown {
    /// Whose it is.
    pub customer: String,
    /// How many pieces of each item.
    pub lines: BTreeMap<String, u32>,
    /// How far it is.
    pub phase: Phase,
    /// Whether nothing is left to do.
    pub closed: bool,
    /// What was paid.
    pub cents: u64,
    /// Why it is refused.
    pub why: Option<String>,
}

/// Why an order does not answer.
#[tenure::error]
#[derive(PartialEq)]
pub enum OrderError {
    /// There is none.
    #[problem(status = 404, "there is no such order")]
    NoOrder,
    /// There is nothing to decide.
    #[problem(status = 409, "the order knows by itself how it goes on")]
    Clear,
}

/// Why a part of an order is not done: it is done again later.
struct Unreached;

#[actor]
impl Order {
    /// Begins the order. One that has begun already goes on.
    #[handler(internal)]
    pub fn begin(
        &mut self,
        cx: &mut Context<Self>,
        customer: String,
        lines: BTreeMap<String, u32>,
    ) {
        if self.phase != Phase::None {
            return;
        }
        (self.customer, self.lines) = (customer, lines);
        (self.phase, self.begun_ms) = (Phase::Begun, cx.unix_ms());
        go_on_after(cx, Duration::ZERO);
    }

    /// How far the order is.
    pub fn show(&self) -> Result<OrderShown, OrderError> {
        if self.phase == Phase::None {
            return Err(OrderError::NoOrder);
        }
        Ok(OrderShown {
            customer: self.customer.clone(),
            lines: self.lines.clone(),
            phase: self.phase,
            closed: self.closed,
            cents: self.cents,
            why: self.why.clone(),
        })
    }

    /// Decides an order of which nobody knows whether it is paid: with what it paid, or nothing.
    pub fn decide(&mut self, cx: &mut Context<Self>, cents: Option<u64>) -> Result<(), OrderError> {
        if self.phase != Phase::Unclear {
            return Err(OrderError::Clear);
        }
        match cents {
            Some(cents) => (self.phase, self.cents) = (Phase::Paid, cents),
            None => self.refuse("it was not paid in time".to_owned()),
        }
        go_on_after(cx, Duration::ZERO);
        Ok(())
    }

    /// Does the next part.
    #[handler]
    async fn go_on(&mut self, cx: &mut Context<Self>) {
        let done = match self.phase {
            Phase::None | Phase::Unclear => return,
            Phase::Begun => self.pay(cx).await,
            Phase::Paid => self.sell(cx).await,
            Phase::Refused => self.give_back(cx).await,
        };
        match done {
            Ok(()) if self.closed => {}
            Ok(()) => go_on_after(cx, Duration::ZERO),
            Err(Unreached) => go_on_after(cx, AGAIN_AFTER),
        }
    }
}

impl Order {
    /// Reserves everything and takes the money; the first who refuses decides.
    async fn pay(&mut self, cx: &Context<Self>) -> Result<(), Unreached> {
        if cx.unix_ms().saturating_sub(self.begun_ms) > ASK_MS_MAX {
            self.phase = Phase::Unclear;
            return Ok(());
        }
        let key = cx.key().to_string();
        let mut cents = 0;
        for (item, quantity) in &self.lines {
            let held = cx.actor::<Stock>(item).reserve(key.clone(), *quantity).await;
            let held = match held {
                Ok(held) => held,
                Err(CallError::App(why)) => {
                    self.refuse(format!("{item}: {why}"));
                    return Ok(());
                }
                Err(_) => return Err(Unreached),
            };
            cents += held.cents;
            if !held.one_each {
                continue;
            }
            let allowance = cx.actor::<Allowance>(&self.customer);
            match allowance.take(item.clone(), key.clone()).await {
                Ok(()) => {}
                Err(CallError::App(why)) => {
                    self.refuse(why.to_string());
                    return Ok(());
                }
                Err(_) => return Err(Unreached),
            }
        }
        // Without a key of its own the call would have one that is derived from this firing of the
        // reminder. That is the same after a crash, but another one when a later firing asks again.
        let payment = cx.actor::<Payment>(&self.customer);
        match payment.take(cents).idempotency_key(format!("order {key}")).await {
            Ok(()) => (self.phase, self.cents) = (Phase::Paid, cents),
            Err(CallError::App(why)) => self.refuse(why.to_string()),
            Err(_) => return Err(Unreached),
        }
        Ok(())
    }

    /// Sells what is reserved: the order is paid, nobody can refuse any more.
    async fn sell(&mut self, cx: &Context<Self>) -> Result<(), Unreached> {
        for item in self.lines.keys() {
            let sold = cx.actor::<Stock>(item).sell(cx.key().to_string()).await;
            sold.map_err(|_| Unreached)?;
        }
        self.closed = true;
        Ok(())
    }

    /// Compensates: everybody has back what this order took, if it took anything.
    async fn give_back(&mut self, cx: &Context<Self>) -> Result<(), Unreached> {
        let key = cx.key().to_string();
        for item in self.lines.keys() {
            if drill::is(Drill::NoCompensation) {
                break;
            }
            let released = cx.actor::<Stock>(item).release(key.clone()).await;
            released.map_err(|_| Unreached)?;
            let allowance = cx.actor::<Allowance>(&self.customer);
            let given = allowance.give_back(item.clone(), key.clone()).await;
            given.map_err(|_| Unreached)?;
        }
        self.closed = true;
        Ok(())
    }

    fn refuse(&mut self, why: String) {
        (self.phase, self.why) = (Phase::Refused, Some(why));
    }
}

/// Asks for the next part, in the commit of this one.
fn go_on_after(cx: &mut Context<Order>, after: Duration) {
    if drill::is(Drill::NoReminders) {
        cx.once(after, OrderGoOn {});
        return;
    }
    cx.remind(GO_ON, after, OrderGoOn {});
}

#[cfg(test)]
mod tests {
    use tenure::TestContext;

    use super::*;

    const LATE: Duration = Duration::from_secs(1);

    /// An order of two teas and a lamp, which is sold once to each.
    fn begun(limit_cents: u64) -> (TestContext<Order>, Order) {
        let mut cx = TestContext::<Order>::new("ada-1");
        cx.with::<Allowance>();
        let stock = |cents, left, one_each| Stock { cents, left, one_each, ..Stock::default() };
        cx.with_state("lamp", stock(3_000, 5, true)).with_state("tea", stock(250, 5, false));
        cx.with_state("ada", Payment { limit_cents: Some(limit_cents), ..Payment::default() });
        let mut order = Order::default();
        let lines = BTreeMap::from([("lamp".to_owned(), 1), ("tea".to_owned(), 2)]);
        order.begin(&mut cx, "ada".to_owned(), lines);
        (cx, order)
    }

    fn places(cx: &mut TestContext<Order>, item: &str) -> (u32, u32, usize) {
        let stock = cx.state::<Stock>(item);
        (stock.left, stock.held.len() as u32, stock.sold as usize)
    }

    #[test]
    fn an_order_is_paid_and_then_sold() {
        let (mut cx, mut order) = begun(3_500);
        cx.advance_with(&mut order, LATE);
        let shown = order.show().expect("it has begun");
        assert_eq!((shown.phase, shown.closed, shown.cents), (Phase::Paid, true, 3_500));
        assert_eq!((places(&mut cx, "lamp"), places(&mut cx, "tea")), ((4, 0, 1), (3, 0, 2)));
        assert_eq!(cx.state::<Payment>("ada").spent_cents, 3_500);
        assert_eq!(cx.state::<Allowance>("ada").taken["lamp"], "ada-1");
        assert_eq!(cx.reminders(), []);
    }

    #[test]
    fn what_was_reserved_is_given_back_when_the_money_is_refused() {
        let (mut cx, mut order) = begun(3_499);
        cx.advance_with(&mut order, LATE);
        let shown = order.show().expect("it has begun");
        assert_eq!((shown.phase, shown.closed), (Phase::Refused, true));
        assert_eq!(shown.why.as_deref(), Some("3499 cents are left, not 3500"));
        assert_eq!((places(&mut cx, "lamp"), places(&mut cx, "tea")), ((5, 0, 0), (5, 0, 0)));
        assert!(cx.state::<Allowance>("ada").taken.is_empty());
    }

    #[test]
    fn a_second_lamp_is_refused() {
        let (mut cx, mut order) = begun(9_000);
        let taken = BTreeMap::from([("lamp".to_owned(), "ada-0".to_owned())]);
        cx.with_state("ada", Allowance { taken });
        cx.advance_with(&mut order, LATE);
        assert_eq!(order.show().expect("it has begun").phase, Phase::Refused);
        assert_eq!(places(&mut cx, "lamp"), (5, 0, 0));
        assert_eq!(cx.state::<Allowance>("ada").taken["lamp"], "ada-0", "that one is not its own");
    }

    #[test]
    fn a_part_that_is_done_again_has_no_second_effect() {
        let (mut cx, mut order) = begun(9_000);
        // What a crash in the middle leaves: the others know, the order does not.
        for (item, quantity) in order.lines.clone() {
            let held = cx.actor::<Stock>(&item).reserve("ada-1".to_owned(), quantity);
            cx.block_on(held).expect("it is there");
        }
        cx.advance_with(&mut order, LATE);
        for _ in 0..2 {
            cx.run(async |cx| order.sell(cx).await).unwrap_or_else(|_| panic!("all are there"));
        }
        assert_eq!((places(&mut cx, "lamp"), places(&mut cx, "tea")), ((4, 0, 1), (3, 0, 2)));
    }

    #[test]
    fn an_order_that_could_not_ask_for_a_day_waits_for_somebody() {
        let (mut cx, mut order) = begun(9_000);
        order.begun_ms = 0;
        cx.advance(Duration::from_millis(ASK_MS_MAX + 1));
        cx.advance_with(&mut order, LATE);
        assert_eq!(order.show().expect("it has begun").phase, Phase::Unclear);
        assert_eq!(order.decide(&mut cx, None), Ok(()));
        assert_eq!(order.decide(&mut cx, Some(1)), Err(OrderError::Clear));
        cx.advance_with(&mut order, LATE);
        assert!(order.show().expect("it has begun").closed);
    }
}

//! Clients: each on a machine of its own, asks one thing after the other, and remembers what it was told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tenure_sim::judge::{self, CallId, End, Firing, Kind};
use tenure_types::{CallError, CallErrorCode, Clock as _};

use crate::cast::{Role, Who, appended, entries, true_time};
use crate::crowd::Crowd;
use crate::frame::{Body, Frame};
use crate::line::Line;
use crate::ops::{Ask, Op, Said};

/// How long after its deadline a client gives a node up that has not answered.
const ANSWER_GRACE: Duration = Duration::from_millis(300);
/// How often a client tries the same again.
const TRIES_MAX: u32 = 5;
/// The longest that a call may take.
pub const BUDGET_MAX: Duration = Duration::from_secs(8);
/// The longest that a turn sleeps.
pub const TURN_MAX: Duration = Duration::from_secs(3);

/// How many of its reminders a client remembers, to take one back.
const REMINDERS_MAX: usize = 8;
/// How far ahead reminders are set, in milliseconds.
const AHEAD_MS: u64 = 15_000;

/// A client. Dropping it changes nothing: its process goes on.
pub struct Client {
    line: Line,
    /// Reminders that it was told are set.
    reminders: Vec<(Who, u32, u64)>,
}

/// What came of one attempt.
enum Came {
    Said(Result<Option<judge::Answer>, CallError>),
    /// The connection broke, or the time is over.
    Nothing,
}

/// Whether to try again, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Done,
    /// Nothing happened.
    Again,
    /// It may have happened.
    Unknown,
}

impl Client {
    /// A client on this line.
    #[must_use]
    pub fn new(line: Line) -> Self {
        Self { line, reminders: Vec::new() }
    }

    fn crowd(&self) -> &Arc<Crowd> {
        &self.line.crowd
    }

    /// Asks one thing after the other until it is over.
    pub async fn live(mut self) {
        self.line.change_gateway();
        while !self.crowd().is_over.load(Ordering::Relaxed) {
            let think = self.line.below(self.crowd().think * 2);
            self.line.pause(think).await;
            if self.line.dice.one_in(60) {
                self.line.change_gateway();
            }
            let (who, op) = self.wish();
            self.ask_until_done(who, op).await;
        }
    }

    /// Reads these actors, each until it answers at one of these nodes; gives them one after the other
    /// to `answered`.
    pub async fn read(mut self, actors: Vec<Who>, nodes: Vec<u32>, answered: impl Fn(Who)) {
        for who in actors {
            loop {
                self.line.gateway = nodes[self.line.dice.below(nodes.len() as u64) as usize];
                let ask = self.ask(who, Op::Get { ms: 0 }, None, Duration::from_secs(2));
                let (next, _) = self.attempt(ask).await;
                if next == Next::Done {
                    break answered(who);
                }
                self.line.pause(Duration::from_millis(50)).await;
            }
        }
    }

    /// Some of the time one of the first two, any of them else.
    fn pick(&mut self) -> Who {
        let (hot_percent, len) = (self.crowd().taste.hot_percent, self.crowd().actors.len() as u64);
        let among = match self.line.dice.below(100) < hot_percent {
            true => len.min(2),
            false => len,
        };
        let at = self.line.dice.below(among) as usize;
        self.crowd().actors[at]
    }

    /// Whom it asks next, and for what.
    fn wish(&mut self) -> (Who, Op) {
        if !self.reminders.is_empty() && self.line.dice.one_in(80) {
            let at = self.line.dice.below(self.reminders.len() as u64) as usize;
            let (who, name, due_ms) = self.reminders.swap_remove(at);
            return (who, Op::Cancel { effect: 0, by: 1, name, due_ms });
        }
        let who = self.pick();
        (who, self.draw(who))
    }

    fn draw(&mut self, who: Who) -> Op {
        let taste = self.crowd().taste;
        let is_brief = self.crowd().is_brief.load(Ordering::Relaxed) || taste.slow_one_in == 0;
        let ms = match self.line.dice.below(taste.slow_one_in.max(1) * 4) {
            _ if is_brief => 0,
            0 => self.line.dice.below(TURN_MAX.as_millis() as u64),
            1..4 => self.line.dice.below(100),
            _ => 0,
        };
        let by = 1 + self.line.dice.below(3);
        let beside = self.line.dice.below(12);
        let tells = self.line.dice.below(100) < taste.tell_percent;
        match self.line.dice.below(100).checked_sub(taste.leave_percent) {
            None => Op::Leave,
            Some(kind) if kind < taste.read_percent => Op::Get { ms },
            Some(_) if beside == 0 && who.role != Role::Board && !is_brief => {
                let name = self.crowd().reminders.fetch_add(1, Ordering::Relaxed);
                let ahead = self.line.dice.below(AHEAD_MS);
                let due_ms = self.line.process.clock().unix_ms() + ahead;
                Op::Remind { effect: 0, by, name, due_ms }
            }
            Some(_) if beside == 1 && who.role != Role::Board && !is_brief => {
                Op::Work { effect: 0, by, ms: self.line.dice.below(2_000) }
            }
            Some(_) if tells && who.role == Role::Ledger && !is_brief => {
                Op::AddAndTell { effect: 0, by, to: self.line.dice.below(3) as u32 }
            }
            Some(_) => Op::Add { effect: 0, by, ms },
        }
    }

    fn budget(&mut self) -> Duration {
        match self.line.dice.below(10) {
            0 => Duration::from_millis(50 + self.line.dice.below(500)),
            1..7 => Duration::from_secs(2),
            _ => BUDGET_MAX,
        }
    }

    fn ask(&mut self, who: Who, op: Op, key: Option<u64>, budget: Duration) -> Ask {
        let durable = who.role == Role::Purse && self.line.dice.one_in(6);
        Ask { number: self.line.unique(), who, op, key, durable, budget }
    }

    /// Asks, and tries again as the rules for retries allow (P6): what was not executed always, what is
    /// unknown with its key.
    async fn ask_until_done(&mut self, who: Who, op: Op) {
        let mut op = self.with_effect(op);
        let key = match op.write() {
            Some((effect, _)) if !self.line.dice.one_in(3) => Some(effect),
            _ => None,
        };
        for _ in 0..TRIES_MAX {
            if self.crowd().is_over.load(Ordering::Relaxed) {
                return;
            }
            let budget = self.budget();
            let ask = self.ask(who, op, key, budget);
            let (next, is_node_suspect) = self.attempt(ask).await;
            if is_node_suspect {
                self.line.change_gateway();
            }
            match (next, key) {
                (Next::Done, _) | (Next::Unknown, None) => return,
                (Next::Again, None) => op = self.with_effect(op),
                (Next::Again | Next::Unknown, Some(_)) => {}
            }
            let pause = self.line.below(Duration::from_millis(400));
            self.line.pause(pause).await;
        }
    }

    /// The same with an effect of its own.
    fn with_effect(&mut self, op: Op) -> Op {
        match op.write() {
            Some(_) => op.with_effect(self.line.unique()),
            None => op,
        }
    }

    /// Asks once. Also gives whether another node may know better.
    async fn attempt(&mut self, ask: Ask) -> (Next, bool) {
        let call = self.begin(&ask);
        let came =
            self.line.ask(Body::Ask(ask), ask.budget + ANSWER_GRACE, |frame| said(frame, &ask));
        let came = came.await.map_or(Came::Nothing, Came::Said);
        let (end, next, is_node_suspect) = self.judge(&ask, &came);
        if let Some((call, asked)) = call {
            let now = self.crowd().stage.now();
            self.crowd().stage.tell(|jury| jury.calls.end(call, now, end));
            self.tell_of_later(&ask, &asked, end);
        }
        (next, is_node_suspect)
    }

    /// Tells the jury that a call begins. What nobody is answered about is no call.
    fn begin(&self, ask: &Ask) -> Option<(CallId, judge::Ask)> {
        let kind = match (ask.op, ask.op.write()) {
            (_, Some((effect, by))) => Kind::Write { op: judge::Op::Add(by), effect },
            (Op::Leave, _) => return None,
            _ => Kind::Read,
        };
        let (actor, sent_at) = (self.crowd().number(ask.who), self.crowd().stage.now());
        let asked = judge::Ask {
            client: self.line.number,
            actor,
            mode: ask.who.role.mode(),
            kind,
            key: ask.key,
            waits_durable: ask.durable,
            sent_at,
            deadline: sent_at + ask.budget,
        };
        let call = self.crowd().stage.tell(|jury| {
            if let Some((name, due_ms)) = ask.op.reminder() {
                let firing = Firing { actor, name, due: true_time(due_ms) };
                match ask.op {
                    Op::Cancel { .. } => jury.reminders.cancelled(firing, sent_at, None),
                    _ => jury.reminders.set(firing, asked.is_durable(), sent_at, None),
                }
            }
            jury.calls.begin(asked)
        });
        Some((call, asked))
    }

    /// Tells the jury what an acknowledged turn has left beside its state.
    fn tell_of_later(&mut self, ask: &Ask, asked: &judge::Ask, end: End) {
        let (End::Acked(answer), Some((effect, by))) = (end, ask.op.write()) else { return };
        let (actor, at) = (asked.actor, self.crowd().stage.now());
        self.crowd().stage.tell(|jury| {
            if asked.is_durable() {
                for entry in entries(answer.version.0, effect, by) {
                    jury.feeds.appended(appended(actor, &entry, at));
                }
            }
            let Some((name, due_ms)) = ask.op.reminder() else { return };
            let firing = Firing { actor, name, due: true_time(due_ms) };
            match ask.op {
                Op::Cancel { .. } => jury.reminders.cancelled(
                    firing,
                    asked.sent_at,
                    asked.is_durable().then_some(at),
                ),
                _ => jury.reminders.set(firing, asked.is_durable(), asked.sent_at, Some(at)),
            }
        });
        if let Op::Remind { name, due_ms, .. } = ask.op
            && self.reminders.len() < REMINDERS_MAX
        {
            self.reminders.push((ask.who, name, due_ms));
        }
    }

    fn judge(&self, ask: &Ask, came: &Came) -> (End, Next, bool) {
        let error = match came {
            Came::Said(Ok(Some(answer))) => return (End::Acked(*answer), Next::Done, false),
            Came::Said(Ok(None)) => return (End::Unknown, Next::Done, false),
            Came::Said(Err(error)) => error,
            Came::Nothing => return (End::Unknown, Next::Unknown, true),
        };
        if !is_expected(error) {
            self.crowd().stage.odd(&format!("{:?} was answered {error:?}", ask));
        }
        let end = End::of_error(error);
        let next = if end.is_refusal() { Next::Again } else { Next::Unknown };
        (end, next, !matches!(error.code(), CallErrorCode::InProgress))
    }
}

/// What a frame says of a question.
fn said(frame: Frame, ask: &Ask) -> Option<Result<Option<judge::Answer>, CallError>> {
    match frame.body {
        Body::Said(Said { number, result }) if number == ask.number => Some(result),
        _ => None,
    }
}

/// Whether faults alone explain an error.
fn is_expected(error: &CallError) -> bool {
    matches!(
        error.code(),
        CallErrorCode::Deadline
            | CallErrorCode::Overloaded
            | CallErrorCode::Unavailable
            | CallErrorCode::Storage
            | CallErrorCode::Withheld
            | CallErrorCode::InProgress
    )
}

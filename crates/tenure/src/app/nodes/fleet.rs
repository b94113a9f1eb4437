//! What is known of the nodes of a local cluster, and what is to be done with them: what happened goes in, orders come out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::keys::Action;

#[cfg(test)]
mod tests;

/// The most nodes of a local cluster.
pub(super) const NODES_MAX: u32 = 16;
/// After how long a node that ended is started again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// What a node has beside its drain budget to end.
const END_MAX: Duration = Duration::from_secs(5);

/// The nodes. Its driver carries out [`Fleet::take_orders`] after whatever it handled.
pub(super) struct Fleet {
    nodes: BTreeMap<u32, Node>,
    numbers_max: u32,
    drain_budget: Duration,
    latest: String,
    orders: Vec<Order>,
    stop: Stop,
}

/// One of them, with a process or without.
pub(super) struct Node {
    pub(super) state: State,
    /// Which of its processes this is, counted from 1.
    run: u32,
    /// Where it takes calls, and where its admin server is, once it is ready.
    pub(super) addresses: Option<(String, String)>,
    /// Why its process ended, where it is gone.
    pub(super) ended: String,
    /// The error that it told of last.
    pub(super) trouble: Option<String>,
    pub(super) is_shown: bool,
    /// It was sent SIGKILL.
    was_killed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Starting,
    Running,
    Paused,
    /// It is to end in good order, and is killed at this time.
    Draining {
        until: Instant,
    },
    /// It has no process, and gets another at this time; `None`: when somebody adds it.
    Gone {
        again_at: Option<Instant>,
    },
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    Start {
        number: u32,
        run: u32,
    },
    Send(u32, Signal),
    /// Say this of a node.
    Tell(u32, String),
}

enum Stop {
    No,
    InOrder,
    /// By a second one who asked for it.
    Hurried(String),
}

impl Fleet {
    /// Nodes 1 to `count`, which are to start; `numbers_max` is the highest number that one may get.
    pub(super) fn new(count: u32, numbers_max: u32, drain_budget: Duration) -> Self {
        let mut fleet = Self {
            nodes: BTreeMap::new(),
            numbers_max,
            drain_budget,
            latest: String::new(),
            orders: Vec::new(),
            stop: Stop::No,
        };
        for number in 1..=count {
            fleet.start(number);
        }
        fleet
    }

    pub(super) fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    pub(super) const fn nodes(&self) -> &BTreeMap<u32, Node> {
        &self.nodes
    }

    /// What happened last.
    pub(super) fn latest(&self) -> &str {
        &self.latest
    }

    /// All were told to stop.
    pub(super) const fn is_stopping(&self) -> bool {
        !matches!(self.stop, Stop::No)
    }

    /// All were told to stop, and have.
    pub(super) fn is_over(&self) -> bool {
        self.is_stopping() && !self.nodes.values().any(Node::is_live)
    }

    /// Who asked a second time to stop.
    pub(super) fn hurried_by(&self) -> Option<&str> {
        match &self.stop {
            Stop::Hurried(by) => Some(by),
            Stop::No | Stop::InOrder => None,
        }
    }

    /// Whether what this node says is to be seen.
    pub(super) fn is_shown(&self, number: u32) -> bool {
        self.nodes.get(&number).is_none_or(|node| node.is_shown)
    }

    /// Does what a key asks for.
    pub(super) fn handle_action(&mut self, action: Action, now: Instant) {
        match action {
            Action::Quit => self.handle_stop("q"),
            Action::Refuse(why) => self.latest = why,
            _ if self.is_stopping() => {
                self.latest =
                    "all nodes are stopping; [q] or ctrl-c kills those that are left".into();
            }
            Action::Kill(number) => self.kill(number),
            Action::Drain(number) => self.drain(number, now),
            Action::Add(chosen) => self.add(chosen),
            Action::Pause(number) => self.pause(number),
            Action::Logs(number) => {
                let Some(node) = self.nodes.get_mut(&number) else { return };
                node.is_shown = !node.is_shown;
                let what = if node.is_shown { "are shown" } else { "are hidden" };
                self.latest = format!("the logs of node-{number} {what}");
            }
        }
    }

    /// A node's process says that it is ready, and where.
    pub(super) fn handle_ready(&mut self, number: u32, run: u32, addresses: (String, String)) {
        let Some(node) = self.nodes.get_mut(&number).filter(|it| it.run == run) else { return };
        node.addresses = Some(addresses);
        if node.state == State::Starting {
            node.state = State::Running;
            self.latest = format!("node-{number} is ready");
        }
    }

    /// A node's process tells of an error.
    pub(super) fn handle_trouble(&mut self, number: u32, run: u32, what: String) {
        let Some(node) = self.nodes.get_mut(&number).filter(|it| it.run == run) else { return };
        node.trouble = Some(what);
    }

    /// A node's process has ended.
    pub(super) fn handle_end(&mut self, number: u32, status: &str, is_success: bool, now: Instant) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.nodes.get_mut(&number) else { return };
        let was_draining = matches!(node.state, State::Draining { .. });
        let again_at = (!was_draining && !is_stopping).then(|| now + AGAIN_AFTER);
        node.state = State::Gone { again_at };
        node.ended = match (is_success, node.was_killed) {
            (_, true) => "killed with kill -9".to_owned(),
            (true, false) if is_stopping => "stopped".to_owned(),
            (true, false) if was_draining => "drained".to_owned(),
            _ => status.to_owned(),
        };
        if is_stopping {
            self.latest = format!("node-{number} ended ({status})");
            return;
        }
        self.tell(
            number,
            match (was_draining, is_success) {
                (false, _) => format!("ended ({status}); it is started again"),
                (true, true) => "has left in good order; [a] adds it again".to_owned(),
                (true, false) => {
                    format!("ended ({status}) while it was drained; [a] adds it again")
                }
            },
        );
    }

    /// A node's process could not be started. It counts as gone.
    pub(super) fn handle_not_started(&mut self, number: u32) {
        let Some(node) = self.nodes.get_mut(&number) else { return };
        node.state = State::Gone { again_at: None };
        node.ended = "not started".to_owned();
    }

    /// Ends all in good order, one after the other, so that each has others to move its actors to; told again, kills
    /// those that are left.
    pub(super) fn handle_stop(&mut self, by: &str) {
        if self.is_stopping() {
            self.latest = format!("{by} came a second time: what is left is killed");
            self.stop = Stop::Hurried(by.to_owned());
            self.nodes
                .values_mut()
                .filter(|node| node.is_live())
                .for_each(|node| node.was_killed = true);
            let live = self.nodes.iter().filter(|(_, node)| node.is_live());
            self.orders.extend(live.map(|(number, _)| Order::Send(*number, Signal::KILL)));
            return;
        }
        self.stop = Stop::InOrder;
        self.latest = format!("{by}: stopping; [q] or ctrl-c again kills those that are left");
        for (number, node) in &mut self.nodes {
            match node.state {
                State::Gone { .. } => node.state = State::Gone { again_at: None },
                // What is stopped cannot end in good order.
                State::Paused => {
                    node.state = State::Running;
                    self.orders.push(Order::Send(*number, Signal::CONT));
                }
                State::Starting | State::Running | State::Draining { .. } => {}
            }
        }
    }

    /// Time has passed.
    pub(super) fn handle_tick(&mut self, now: Instant) {
        let is_late = |node: &Node| match node.state {
            State::Draining { until } => now >= until && !node.was_killed,
            _ => false,
        };
        let late: Vec<u32> = self.numbers(is_late);
        for number in late {
            self.tell(number, "did not end in time and was killed".to_owned());
            self.send_kill(number);
        }
        if self.is_stopping() {
            if self.numbers(|node| matches!(node.state, State::Draining { .. })).is_empty() {
                let next = self.numbers(Node::is_live).first().copied();
                next.into_iter().for_each(|number| self.drain(number, now));
            }
            return;
        }
        let is_due = |node: &Node| match node.state {
            State::Gone { again_at } => again_at.is_some_and(|at| now >= at),
            _ => false,
        };
        self.numbers(is_due).into_iter().for_each(|number| self.start(number));
    }

    fn numbers(&self, is_one: impl Fn(&Node) -> bool) -> Vec<u32> {
        self.nodes.iter().filter(|(_, node)| is_one(node)).map(|(number, _)| *number).collect()
    }

    /// Gives a node a process.
    fn start(&mut self, number: u32) {
        let before = self.nodes.get(&number);
        let run = before.map_or(1, |node| node.run + 1);
        let node = Node {
            state: State::Starting,
            run,
            addresses: None,
            ended: String::new(),
            trouble: None,
            is_shown: before.is_none_or(|node| node.is_shown),
            was_killed: false,
        };
        self.nodes.insert(number, node);
        self.orders.push(Order::Start { number, run });
    }

    fn kill(&mut self, number: u32) {
        match self.nodes.get(&number) {
            Some(node) if node.is_live() => {
                self.latest = format!("node-{number} is sent SIGKILL");
                self.send_kill(number);
            }
            _ => self.refuse(number, "is gone already"),
        }
    }

    fn send_kill(&mut self, number: u32) {
        let Some(node) = self.nodes.get_mut(&number) else { return };
        node.was_killed = true;
        self.orders.push(Order::Send(number, Signal::KILL));
    }

    fn drain(&mut self, number: u32, now: Instant) {
        let until = now + self.drain_budget + END_MAX;
        match self.nodes.get_mut(&number) {
            Some(node) if matches!(node.state, State::Starting | State::Running) => {
                node.state = State::Draining { until };
                self.orders.push(Order::Send(number, Signal::TERM));
                if !self.is_stopping() {
                    self.latest = format!("node-{number} is told to stop; its actors go elsewhere");
                }
            }
            Some(Node { state: State::Paused, .. }) => {
                self.refuse(number, "is paused: let it continue with [p] first");
            }
            Some(Node { state: State::Draining { .. }, .. }) => {
                self.refuse(number, "is draining already");
            }
            _ => self.refuse(number, "is gone already"),
        }
    }

    /// Starts the chosen node where it is gone, else one that is to stay away, else one more.
    fn add(&mut self, chosen: Option<u32>) {
        let chosen = chosen.filter(|it| self.nodes.get(it).is_some_and(|node| !node.is_live()));
        let away =
            || self.numbers(|node| node.state == State::Gone { again_at: None }).first().copied();
        let new = || (1..=self.numbers_max).find(|it| !self.nodes.contains_key(it));
        match chosen.or_else(away).or_else(new) {
            Some(number) => {
                self.start(number);
                self.latest = format!("node-{number} is started");
            }
            None => {
                self.latest =
                    format!("there are {} nodes, and no more can be added", self.nodes.len());
            }
        }
    }

    fn pause(&mut self, number: u32) {
        let Some(node) = self.nodes.get_mut(&number) else { return };
        match node.state {
            State::Starting | State::Running => {
                node.state = State::Paused;
                self.orders.push(Order::Send(number, Signal::STOP));
                self.latest = format!("node-{number} is stopped where it is; [p] lets it continue");
            }
            State::Paused => {
                let is_ready = node.addresses.is_some();
                node.state = if is_ready { State::Running } else { State::Starting };
                self.orders.push(Order::Send(number, Signal::CONT));
                self.latest = format!(
                    "node-{number} continues; if others took over, it ends and starts again"
                );
            }
            State::Draining { .. } => self.refuse(number, "is draining"),
            State::Gone { .. } => self.refuse(number, "is gone"),
        }
    }

    fn refuse(&mut self, number: u32, why: &str) {
        self.latest = format!("node-{number} {why}");
    }

    fn tell(&mut self, number: u32, what: String) {
        self.latest = format!("node-{number} {what}");
        self.orders.push(Order::Tell(number, what));
    }
}

impl Node {
    /// It has a process.
    pub(super) const fn is_live(&self) -> bool {
        !matches!(self.state, State::Gone { .. })
    }
}

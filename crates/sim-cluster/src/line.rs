//! How clients reach nodes.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tenure_sim::judge::ClientNo;
use tenure_sim::net::{Heard, Port};
use tenure_sim::{Dice, Machine, SimTasks};
use tenure_types::{Clock as _, Incarnation, Tasks as _};

use crate::crowd::Crowd;
use crate::frame::{Body, Frame};

/// How long a client waits for a node that is to tell it something.
const PATIENCE: Duration = Duration::from_secs(3);
/// As above when nothing changes any more: who does not answer then is not there.
const PATIENCE_WHEN_QUIET: Duration = Duration::from_millis(500);

/// How a client reaches nodes: one at a time, one question at a time.
pub struct Line {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) number: ClientNo,
    pub(crate) process: Arc<SimTasks>,
    pub(crate) dice: Dice,
    pub(crate) gateway: u32,
    port: Port<Frame>,
    asked: u64,
}

impl Line {
    /// The line of a client on this machine, whose process has this port.
    #[must_use]
    pub fn new(
        crowd: &Arc<Crowd>,
        machine: &Machine,
        process: &Arc<SimTasks>,
        port: Port<Frame>,
        dice: Dice,
    ) -> Self {
        Self {
            crowd: Arc::clone(crowd),
            number: ClientNo(machine.number()),
            process: Arc::clone(process),
            dice,
            gateway: crowd.nodes[0],
            port,
            asked: 0,
        }
    }

    /// A time below `most`.
    pub(crate) fn below(&mut self, most: Duration) -> Duration {
        Duration::from_nanos(self.dice.below(u64::try_from(most.as_nanos()).unwrap_or(u64::MAX)))
    }

    pub(crate) async fn pause(&self, pause: Duration) {
        self.process.sleep_until(self.process.clock().now() + pause).await;
    }

    pub(crate) fn change_gateway(&mut self) {
        let nodes = &self.crowd.nodes;
        self.gateway = nodes[self.dice.below(nodes.len() as u64) as usize];
    }

    /// Rests about so long between two questions, and asks another node now and then.
    pub(crate) async fn rest(&mut self, mean: Duration) {
        let pause = self.below(mean * 2);
        self.pause(pause).await;
        if self.dice.one_in(20) {
            self.change_gateway();
        }
    }

    /// How long it waits for a node now.
    pub(crate) fn patience(&self) -> Duration {
        match self.crowd.is_quiet.load(Ordering::Relaxed) {
            true => PATIENCE_WHEN_QUIET,
            false => PATIENCE,
        }
    }

    /// A number that nothing else of the run has.
    pub(crate) fn unique(&mut self) -> u64 {
        self.asked += 1;
        u64::from(self.number.0) << 32 | self.asked
    }

    /// Asks, and waits so long for the frame that `take` takes; `None` where the connection broke or the
    /// time is over.
    pub(crate) async fn ask<T>(
        &self,
        body: Body,
        patience: Duration,
        mut take: impl FnMut(Frame) -> Option<T>,
    ) -> Option<T> {
        self.port.send(self.gateway, Frame { from: Incarnation(0), to: Incarnation(0), body });
        let mut late = self.process.sleep_until(self.process.clock().now() + patience);
        loop {
            let mut heard = pin!(self.port.heard());
            let heard = poll_fn(|cx| {
                if let Poll::Ready(heard) = heard.as_mut().poll(cx) {
                    return Poll::Ready(Some(heard));
                }
                late.as_mut().poll(cx).map(|()| None)
            });
            match heard.await? {
                Heard::Closed { peer, .. } if peer == self.gateway => return None,
                Heard::Closed { .. } => {}
                Heard::Message { message, .. } => {
                    if let Some(taken) = take(message) {
                        return Some(taken);
                    }
                }
            }
        }
    }
}

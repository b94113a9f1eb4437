//! The actors that are moved: of every mode, with events, reminders and remembered calls.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use tenure::{CallError, Node};
use tokio::runtime::Runtime;

use super::options::Options;
use crate::clerk::Clerk;
use crate::herald::{Crier, Herald};
use crate::ledger::{BehindLedger, EventLedger, Ledger, VolatileLedger};

const STOP_MAX: Duration = Duration::from_secs(60);
/// The actor with a journal that is longer than a batch.
const LONG: &str = "long";
/// How far away reminders are.
const LATER_MS: u64 = 24 * 3_600_000;
/// How many kinds of actors there are.
const KINDS: u64 = 7;

pub(super) struct Actors {
    pub(super) options: Options,
    pub(super) runtime: Runtime,
}

impl Actors {
    /// Fills a store in `folder` through a node, and stops that.
    pub(super) fn make(&self, folder: &Path) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let node = start(folder).await?;
            let Options { actors, events, .. } = self.options;
            self.each(actors, &node, make).await?;
            self.each(events, &node, lengthen).await?;
            node.stop(STOP_MAX).await.map(drop).context("the node stops")
        })
    }

    /// Looks for a sample of them in `folder`, and changes one. Gives what is not as it was left.
    pub(super) fn look(&self, folder: &Path) -> anyhow::Result<Vec<String>> {
        self.runtime.block_on(async {
            let node = start(folder).await?;
            let Options { actors, events, sample, .. } = self.options;
            let mut findings = Vec::new();
            let step = (actors / sample.min(actors)).max(1);
            for number in (0..actors).step_by(step as usize) {
                if !is_as_it_was(&node, number).await? {
                    findings.push(format!("actor {number} is not as it was left"));
                }
            }
            let count = node.actor::<EventLedger>(LONG).show().await?.count();
            if count != events {
                findings.push(format!("the long journal has {count} events"));
            }
            node.actor::<EventLedger>(LONG).add(0).await?;
            node.stop(STOP_MAX).await.context("the node stops")?;
            Ok(findings)
        })
    }

    /// Does something with every number below `end`, many at a time.
    async fn each<F>(
        &self,
        end: u64,
        node: &Node,
        work: impl Fn(Node, u64) -> F + Copy + Send + 'static,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = Result<(), CallError>> + Send + 'static,
    {
        let next = Arc::new(AtomicU64::new(0));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..self.options.calls {
            let (node, next) = (node.clone(), Arc::clone(&next));
            callers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return Ok(());
                    }
                    while let Err(error) = work(node.clone(), number).await {
                        match error {
                            CallError::Overloaded { .. } => tokio::task::yield_now().await,
                            error => bail!("actor {number}: {error}"),
                        }
                    }
                }
            });
        }
        while let Some(ended) = callers.join_next().await {
            ended.context("a caller panicked")??;
        }
        Ok(())
    }
}

async fn start(folder: &Path) -> anyhow::Result<Node> {
    let node = Node::builder().actor::<Ledger>().actor::<EventLedger>().actor::<BehindLedger>();
    let node = node.actor::<VolatileLedger>().actor::<Herald>().actor::<Crier>().actor::<Clerk>();
    Ok(node.store_in(folder).start().await?)
}

async fn make(node: Node, number: u64) -> Result<(), CallError> {
    // Nothing of these is stored.
    node.actor::<VolatileLedger>(number).add(number).await?;
    match number % KINDS {
        0 => node.actor::<Ledger>(number).add(number).await.map(drop),
        1 => node.actor::<EventLedger>(number).add(number).await.map(drop),
        2 => node.actor::<BehindLedger>(number).add(number).await.map(drop),
        3 => node.actor::<Herald>(number).say().await.map(drop),
        4 => node.actor::<Crier>(number).say().await.map(drop),
        5 => node.actor::<Clerk>(number).wake(number, LATER_MS).await.map(drop),
        _ => {
            let call = node.actor::<Ledger>(number).add(number);
            call.idempotency_key(format!("key-{number}")).await.map(drop)
        }
    }
}

async fn lengthen(node: Node, number: u64) -> Result<(), CallError> {
    node.actor::<EventLedger>(LONG).add(number).await.map(drop)
}

async fn is_as_it_was(node: &Node, number: u64) -> Result<bool, CallError> {
    Ok(match number % KINDS {
        0 => node.actor::<Ledger>(number).show().await?.is_only(number),
        1 => node.actor::<EventLedger>(number).show().await?.is_only(number),
        2 => node.actor::<BehindLedger>(number).show().await?.is_only(number),
        3 => node.actor::<Herald>(number).said().await? == 1,
        4 => node.actor::<Crier>(number).said().await? == 1,
        5 => node.actor::<Clerk>(number).rung().await?.is_empty(),
        _ => {
            // It has its effect already, and says so.
            let call = node.actor::<Ledger>(number).add(number);
            let again = call.idempotency_key(format!("key-{number}")).await? == 1;
            again && node.actor::<Ledger>(number).show().await?.is_only(number)
        }
    })
}

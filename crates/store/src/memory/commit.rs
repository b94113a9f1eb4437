use std::sync::Arc;

use tenure_types::{Planted, Token};

use super::plans::UnitFault;
use super::shared::{Shared, settle_late, step_aside};
use super::waiting::Waiting;
use crate::UnitOutcome;

/// The most units of one batch.
const BATCH_UNITS_MAX: usize = 1_024;

/// Commits batch after batch until nothing waits. One such task runs at a time.
///
/// The task steps aside before a batch is written and again before it is answered, so that a node
/// which is stopped at any point is seen with the batch absent, or stored and not answered.
pub(super) async fn run(shared: Arc<Shared>) {
    while let Some(batch) = take_batch(&shared) {
        if Planted::FeedStable.is_planted() {
            shared.disk.show_early(&batch);
        }
        match shared.disk.batch_delay() {
            Some(delay) => shared.sleep(delay).await,
            None => step_aside().await,
        }
        let outcomes = shared.disk.apply(&batch);
        step_aside().await;
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            settle(&shared, waiting, outcome);
        }
    }
}

/// The next batch, or `None` after the committer was marked as gone.
fn take_batch(shared: &Shared) -> Option<Vec<Waiting>> {
    let mut engine = shared.engine.lock();
    if !engine.queue.is_empty() {
        let units = engine.queue.len().min(BATCH_UNITS_MAX);
        return Some(engine.queue.drain(..units).collect());
    }
    engine.is_committing = false;
    let closers = std::mem::take(&mut engine.closers);
    drop(engine);
    for closer in closers {
        closer.wake();
    }
    None
}

fn settle(shared: &Arc<Shared>, waiting: Waiting, outcome: UnitOutcome) {
    let Waiting { unit, sink, fault } = waiting;
    let token: Token = unit.token;
    match fault {
        None => sink.settled(token, outcome),
        Some(UnitFault::UnknownCommitted | UnitFault::UnknownAbsent) => {
            sink.settled(token, UnitOutcome::Unknown { reason: "a fault of the test".into() });
        }
        Some(UnitFault::Late(delay)) => {
            let late = settle_late(Arc::clone(shared), delay, sink, token, outcome);
            shared.tasks.spawn("memory-late", Box::pin(late));
        }
        Some(UnitFault::SilentCommitted | UnitFault::SilentAbsent) => shared.disk.keep_silent(sink),
    }
}

//! What faults mean for clients and judges.

use std::time::Duration;

use tenure_sim::Dice;
use tenure_sim::faults::{Fault, Kind, Plan};
use tenure_sim::judge::{Cause, Parting};
use tenure_types::Instant;

use crate::stage::Stage;

/// How long after a trouble of the store it may still be felt: requests wait for as long as their sender is
/// patient, and are then made again.
const STORE_AFTER: Duration = Duration::from_secs(5);

/// Puts some clients on each side of what divides the machines: who stays with the few hears of it.
/// Depends on each fault alone, so that leaving out others changes nothing.
pub(super) fn divide_clients(plan: &mut Plan, seed: u64, first: u32, clients: u32) {
    for fault in &mut plan.faults {
        let mut dice = Dice::new(seed ^ fault.at_ms.wrapping_mul(0x9e37_79b9));
        let names = fault.kind.arguments();
        for (name, value) in names.iter().zip(&mut fault.arguments) {
            if matches!(*name, "side" | "from" | "to") {
                let some = dice.below(1 << clients) << first;
                *value |= i64::try_from(some).unwrap_or(0);
            }
        }
    }
}

/// Lets one node after the other be cut off, and never more than one by the same fault: the others see
/// its lease end.
pub(super) fn cut_one_by_one(plan: &mut Plan, nodes: u32) {
    for fault in &mut plan.faults {
        let at = fault.at_ms % u64::from(nodes.max(1));
        fault.arguments.iter_mut().for_each(|nodes| *nodes = 1 << at);
    }
}

/// Lets every node leave in good order and come back, one after the other, as a deploy does. It goes on whatever
/// else happens.
pub(super) fn roll(plan: &mut Plan, dice: &mut Dice, nodes: u32, until: Duration) {
    let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
    let mut at_ms = 5_000 + dice.below(until_ms / 3);
    let first = dice.below(u64::from(nodes.max(1)));
    for node in (0..u64::from(nodes)).map(|at| (first + at) % u64::from(nodes)) {
        let lasts_ms = 100 + dice.below(4_000);
        let arguments = vec![i64::try_from(node).unwrap_or(0)];
        plan.faults.push(Fault { at_ms, lasts_ms, kind: Kind::Drain, arguments });
        at_ms += lasts_ms + dice.below(until_ms / (4 * u64::from(nodes)));
    }
    plan.faults.sort_by_key(|fault| fault.at_ms);
}

/// Tells the jury of write-behind losses what of a plan may cost a node its memory, and when the store is away.
pub(super) fn excuse(plan: &Plan, stage: &Stage, start: Instant) {
    for fault in &plan.faults {
        let begins = start + Duration::from_millis(fault.at_ms);
        let ends = start + fault.ends();
        stage.tell(|jury| {
            if stands(fault) {
                // What was unsaved then is lost if the node is given up meanwhile.
                jury.behind.parted(Parting { actor: None, cause: Cause::LeaseLost, at: begins });
            }
            if is_of_store(fault) {
                jury.behind.store_away(begins, ends + STORE_AFTER);
            }
        });
    }
}

fn stands(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::Pause | Kind::Sleep | Kind::Suspend)
}

fn is_of_store(fault: &Fault) -> bool {
    fault.kind.name().starts_with("store-")
}

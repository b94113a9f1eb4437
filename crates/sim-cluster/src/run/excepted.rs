use std::collections::BTreeSet;

use tenure_sim::campaign::Vacuity;
use tenure_sim::judge::JudgeName;

/// The judges whose promises do not hold under an exception; those of the others do (DESIGN section 1).
pub(super) fn silent(under: Vacuity) -> BTreeSet<JudgeName> {
    use JudgeName::{
        Behind, Copies, Durable, Events, Feeds, Keys, Linearizable, Releases, Reminders, Samples,
    };
    let silent: &[JudgeName] = match under {
        // Two may release at a time (P2), and what the stale one says is stale. What it writes is fenced: nothing
        // durable that was acknowledged is lost.
        Vacuity::Rates | Vacuity::Factor | Vacuity::Suspend | Vacuity::Presumed => {
            &[Releases, Copies, Linearizable, Samples, Behind, Events, Keys, Reminders]
        }
        // The store did not keep what it acknowledged (P4); who is heard is decided elsewhere.
        Vacuity::LostTail => {
            &[Durable, Linearizable, Samples, Behind, Events, Feeds, Keys, Reminders]
        }
    };
    silent.iter().copied().collect()
}

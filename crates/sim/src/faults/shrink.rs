use super::plan::Plan;

/// Makes a plan under which something fails as small as it gets: no single fault that is left could
/// be left out (ddmin: Zeller and Hildebrandt 2002, "Simplifying and isolating failure-inducing
/// input", figure 3). Asks `fails` at most `tries` times; the plan itself must fail.
pub fn shrink(plan: &Plan, tries: usize, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let (mut plan, mut left) = (plan.clone(), tries);
    let mut ask = |plan: &Plan| {
        let is_asked = left > 0;
        left = left.saturating_sub(1);
        is_asked && fails(plan)
    };
    let none = Plan::default();
    if ask(&none) {
        return none;
    }
    let mut parts = 2;
    while plan.faults.len() >= 2 {
        let parts_now = parts.min(plan.faults.len());
        match smaller(&plan, parts_now, &mut ask) {
            Some((small, next)) => (plan, parts) = (small, next),
            None if parts_now == plan.faults.len() => break,
            None => parts = 2 * parts_now,
        }
    }
    plan
}

/// A part, or all but a part, that still fails; and into how many parts to cut that.
fn smaller(
    plan: &Plan,
    parts: usize,
    fails: &mut impl FnMut(&Plan) -> bool,
) -> Option<(Plan, usize)> {
    let len = plan.faults.len();
    let bounds = |part: usize| part * len / parts..(part + 1) * len / parts;
    for part in 0..parts {
        let alone = Plan { faults: plan.faults[bounds(part)].to_vec() };
        if fails(&alone) {
            return Some((alone, 2));
        }
    }
    for part in 0..parts {
        let rest = plan.without(&bounds(part).collect::<Vec<_>>());
        // With two parts, each rest is the other part.
        if parts > 2 && fails(&rest) {
            return Some((rest, (parts - 1).max(2)));
        }
    }
    None
}

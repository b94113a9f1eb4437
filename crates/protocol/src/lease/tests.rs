use std::time::Duration;

use tenure_types::{Incarnation, Instant};

use super::*;

const L: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

#[test]
fn the_default_terms() {
    let terms = LeaseTerms::default();
    let millis = Duration::from_millis;
    assert_eq!(terms.length, L);
    assert_eq!(terms.renew_every, millis(3_333));
    assert_eq!(terms.poll_every, millis(500));
    assert_eq!(terms.expiry(), millis(10_350));
}

#[test]
fn a_lease_counts_from_before_it_was_asked_for() {
    let mut lease = Lease::new(L);
    assert_eq!((lease.until(), lease.end()), (Instant::ZERO, None));
    assert_eq!(lease.handle_renewed(at(5), 1, at(1)), None, "nothing to resume");
    assert_eq!(lease.until(), at(11));
    assert_eq!(lease.handle_renewed(at(6), 3, at(4)), None);
    assert_eq!(lease.handle_renewed(at(7), 2, at(2)), None);
    assert_eq!(lease.until(), at(14), "an answer that was overtaken takes nothing away");
    assert_eq!(lease.handle_now(at(13)), None);
    assert_eq!(lease.handle_now(at(14)), Some(LeaseChange::Suspended));
    assert_eq!(lease.handle_now(at(15)), None, "said once");
    assert_eq!(lease.handle_renewed(at(30), 4, at(20)), None, "it ran out before it came");
    assert_eq!(lease.handle_renewed(at(31), 5, at(30)), Some(LeaseChange::Resumed));
    lease.finish();
    assert_eq!(lease.handle_renewed(at(33), 6, at(32)), None);
    assert_eq!(lease.until(), Instant::ZERO);
}

#[test]
fn a_revoked_lease_waits_for_a_renewal_sent_afterwards() {
    let mut lease = Lease::new(L);
    lease.handle_renewed(at(1), 1, at(1));
    assert_eq!(lease.revoke(3), Some(LeaseChange::Suspended));
    assert_eq!(lease.handle_renewed(at(2), 2, at(2)), None);
    assert!(!lease.holds(at(2)));
    assert_eq!(lease.handle_renewed(at(3), 3, at(2)), Some(LeaseChange::Resumed));
    assert_eq!(lease.until(), at(12));
    let mut endless = Lease::endless();
    assert_eq!(endless.revoke(1), None);
    assert_eq!(endless.until(), Instant::NEVER);
}

const GAP: Duration = Duration::from_secs(5);

fn expired(observed: &Observed, now: Instant) -> Vec<(Incarnation, u64)> {
    observed.expired(now).collect()
}

#[test]
fn an_observation_is_of_one_beat_on_one_timeline() {
    let mut observed = Observed::new(L, GAP);
    let one = Incarnation(1);
    observed.handle_timeline(1);
    for seconds in [0, 5, 9] {
        assert!(!observed.handle_read(at(seconds), one, 7));
        assert_eq!(observed.next_expiry(), at(10));
    }
    assert_eq!(expired(&observed, at(10)), [], "nobody has looked at the end");
    assert!(!observed.handle_read(at(10), one, 7));
    assert_eq!(expired(&observed, at(10)), [(one, 7)]);
    assert_eq!(observed.next_expiry(), Instant::NEVER, "it was seen for long enough");
    assert!(observed.handle_read(at(11), one, 8), "it renewed");
    assert_eq!(observed.next_expiry(), at(21));
    observed.handle_timeline(1);
    for seconds in [16, 21] {
        assert!(!observed.handle_read(at(seconds), one, 8));
    }
    assert_eq!(expired(&observed, at(21)), [(one, 8)]);
    observed.handle_timeline(2);
    assert_eq!(expired(&observed, at(21)), []);
    assert!(!observed.handle_read(at(21), one, 8));
    assert_eq!(observed.next_expiry(), at(31));
}

#[test]
fn a_time_without_a_look_is_no_silence() {
    let mut observed = Observed::new(L, GAP);
    let one = Incarnation(1);
    observed.handle_read(at(0), one, 7);
    assert!(!observed.handle_read(at(11), one, 7), "the table was away in between");
    assert_eq!(observed.silence(one), Duration::ZERO);
    assert_eq!((expired(&observed, at(11)), observed.next_expiry()), (vec![], at(21)));
    for seconds in [16, 21] {
        observed.handle_read(at(seconds), one, 7);
    }
    assert_eq!(expired(&observed, at(26)), [(one, 7)]);
    assert_eq!(expired(&observed, at(27)), [], "what was seen is too long ago");
}

use tenure_actor::host::{Arrived, AsHome, CallHead, Replied, TurnGuard};
use tenure_actor::{CodecError, MethodInfo, StateRef, Ticket};
use tenure_protocol::view::Member;
use tenure_types::{ActorTypeName, BoxFuture, CallError, Key, NodeId, ViewNumber};

use super::*;

/// A call that waits until its deadline, and does nothing.
struct Waits(CallHead);

impl QueuedCall for Waits {
    fn head(&self) -> &CallHead {
        &self.0
    }

    fn is_waiting(&self) -> bool {
        true
    }

    fn run(&self, _: StateRef<'_>, _: &dyn AsHome) -> bool {
        false
    }

    fn begin(
        self: Arc<Self>,
        guard: Box<dyn TurnGuard>,
    ) -> Result<BoxFuture<'static, Box<dyn TurnGuard>>, Box<dyn TurnGuard>> {
        Err(guard)
    }

    fn outcome(&self) -> Result<Option<Vec<u8>>, CodecError> {
        Ok(None)
    }

    fn replay(&self, _: &[u8]) -> Result<bool, CodecError> {
        Ok(false)
    }

    fn depart(&self, _: u8, _: &mut Vec<u8>) -> Result<bool, CodecError> {
        Ok(true)
    }

    fn come_back(&self) {}

    fn reply(&self, _: u8, _: &mut Vec<u8>) -> Result<Replied, CodecError> {
        Ok(Replied { is_error: false, replayed: false })
    }

    fn keep_reply(&self, _: Arrived<'_>) -> Result<bool, CodecError> {
        Ok(true)
    }

    fn refuse(&self, _: CallError) -> bool {
        false
    }

    fn settle(&self, _: Result<Option<Ticket>, CallError>) {}
}

const ME: Incarnation = Incarnation(1);
const HOST: Incarnation = Incarnation(2);

fn view(number: u64, state: MemberState) -> Arc<View> {
    let member = |incarnation, state| Member {
        incarnation,
        node: NodeId::new(&format!("node-{}", incarnation.0)).unwrap(),
        state,
        presumed: false,
        weight: 1,
        address: "".into(),
    };
    let members = [member(ME, MemberState::Alive), member(HOST, state)];
    Arc::new(View::new(ViewNumber(number), members))
}

fn handed(deadline: u64) -> Handed {
    let deadline = Instant::from_nanos(deadline);
    let call = Arc::new(Waits(CallHead::to_self(&MethodInfo::REMINDER, deadline)));
    let target = Target { slot: 0, hash: 7, type_name: "cart", key: Key::new("alice").unwrap() };
    let tenure = Tenure { view: 2, sequence: 1 };
    Handed { at: (HOST, tenure), seeking: Seeking { target, call, missed: 0 } }
}

fn way() -> Way {
    Way::new(ME, view(2, MemberState::Alive))
}

fn number_of(way: &Way) -> u64 {
    let Ok((number, _)) = way.enter(handed(1)) else { panic!("its host is there") };
    number
}

#[test]
fn a_call_is_answered_once_and_by_who_may_be_heard() {
    let way = way();
    let (first, second) = (number_of(&way), number_of(&way));
    assert_eq!(way.counts(), (2, 0));
    assert!(way.take_answered(Incarnation(0), first).is_none(), "nobody knows who that was");
    assert!(way.take_answered(ME, first).is_none(), "it is heard, and the call is not there");
    assert!(way.take_answered(HOST, first).is_some());
    assert!(way.take_answered(HOST, first).is_none(), "it was answered");
    assert!(way.take(second).is_some());
    assert_eq!(way.counts(), (0, 0));
}

#[test]
fn calls_at_who_is_gone_end_and_nobody_is_handed_to_it() {
    let way = way();
    let (number, place) = (number_of(&way), handed(1));
    way.places.put(&place.seeking.target, place.at);
    assert_eq!(
        way.learn(Instant::ZERO, &view(3, MemberState::Leaving)).len(),
        0,
        "who leaves still answers"
    );
    assert_eq!(way.learn(Instant::ZERO, &view(4, MemberState::Down)).len(), 1);
    assert!(way.take_answered(HOST, number).is_none());
    assert!(matches!(way.enter(handed(1)), Err((NotHanded::Gone, _))));
    assert_eq!(way.places.get(&place.seeking.target), None, "it is looked up again");
}

#[test]
fn what_a_member_said_before_it_left_is_heard_for_a_moment() {
    let (way, far) = (way(), u64::MAX);
    let calls: Vec<_> =
        (0..2).map(|_| way.enter(handed(far)).ok().expect("it is there").0).collect();
    let (left, start) = (view(3, MemberState::Left), Instant::from_nanos(1));
    assert_eq!(way.learn(start, &left).len(), 0, "its answers may be on their way");
    assert!(matches!(way.enter(handed(far)), Err((NotHanded::Gone, _))));
    assert!(!way.is_heard(HOST), "nothing else of it is heard");
    assert!(way.take_answered(HOST, calls[0]).is_some());
    assert_eq!(way.learn(start + PARTING_MAX / 2, &left).len(), 0);
    assert_eq!(way.take_late(start + PARTING_MAX / 2).0.len(), 0);
    assert_eq!(way.take_late(start + PARTING_MAX).0.len(), 1, "since it left");
    assert!(way.take_answered(HOST, calls[1]).is_none());
}

#[test]
fn nothing_is_kept_once_the_incarnation_is_over() {
    let way = way();
    number_of(&way);
    let Handed { seeking, .. } = handed(1);
    let actor_type = ActorTypeName::new("cart").unwrap();
    let actor = ActorId { actor_type, key: seeking.target.key.clone() };
    assert!(way.keep(actor.clone(), seeking).is_none());
    let (away, unsent) = way.close();
    assert_eq!((away.len(), unsent.len(), way.counts()), (1, 1, (0, 0)));
    assert!(matches!(way.enter(handed(1)), Err((NotHanded::Over, _))));
    assert!(way.keep(actor, handed(1).seeking).is_some());
}

#[test]
fn late_calls_end_and_as_many_as_may_be_are_away() {
    let way = way();
    for deadline in 1..=AWAY_MAX as u64 {
        assert!(way.enter(handed(deadline)).is_ok());
    }
    assert!(matches!(way.enter(handed(1)), Err((NotHanded::Full, _))));
    let (lost, late) = way.take_late(Instant::from_nanos(4));
    let deadlines: Vec<_> = lost.iter().map(|it| it.seeking.call.head().deadline).collect();
    assert_eq!(deadlines, [1, 2, 3].map(Instant::from_nanos), "the oldest first");
    assert_eq!((late.len(), way.counts()), (0, (AWAY_MAX - 3, 0)));
}

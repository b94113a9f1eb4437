//! Every document that there could be.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tenure_types::{
    ActorId, ActorTypeName, Incarnation, KEY_BYTES_MAX, Key, NUMBER_MAX, NodeId, Slot,
    TYPE_NAME_BYTES_MAX, Tenure, ViewNumber,
};

use super::super::ADDRESS_BYTES_MAX;
use crate::cluster::{Message, Refusal};
use crate::directory::Wish;
use crate::migration::MoveId;
use crate::placement::Strategy as Placing;
use crate::slot::{Reported, ReportedAs, SlotReport};
use crate::view::table::{
    JoinToken, Reason, RowRead, TableAction, TableAnswer, TableError, TableOutcome, TableRequest,
    WATCH_MAX,
};
use crate::view::{Member, MemberState, View};

/// How many kinds of messages there are.
pub(super) const KINDS: usize = 23;

/// What messages are made of.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) view: ViewNumber,
    pub(super) actor: ActorId,
    pub(super) place: (Incarnation, Tenure),
    pub(super) is_placed: bool,
    pub(super) id: MoveId,
    pub(super) wish: Wish,
    pub(super) why: Refusal,
    pub(super) load: u32,
    pub(super) flag: bool,
    pub(super) slots: Vec<Slot>,
    pub(super) reports: Vec<SlotReport>,
}

impl Default for Parts {
    fn default() -> Self {
        let actor = actor("cart", "alice");
        let tenure = Tenure { view: 300, sequence: 2 };
        let move_id = MoveId { source: id(5), number: 6 };
        let reported = |as_what| Reported { actor: actor.clone(), tenure, durable: true, as_what };
        let entries = [ReportedAs::Live, ReportedAs::Leaving, ReportedAs::Moving(move_id)];
        let slots = vec![Slot::default(), Slot::new(16_383).unwrap()];
        let report = |slot: &Slot| {
            let entries = entries.map(reported).to_vec();
            SlotReport { slot: *slot, number: 7, part: 1, parts: 2, entries }
        };
        let reports = slots[1..].iter().map(report).collect();
        Self {
            view: ViewNumber(9),
            actor,
            place: (id(4), tenure),
            is_placed: true,
            id: move_id,
            wish: Wish { strategy: Placing::Stateless(200), durable: true },
            why: Refusal::OldView(ViewNumber(8)),
            load: 1_000,
            flag: true,
            slots,
            reports,
        }
    }
}

/// A message of a kind, by its place in the list of them.
pub(super) fn of_kind(kind: usize, parts: Parts) -> Message {
    let Parts { view, actor, place, is_placed, id, wish, why, load, flag, slots, reports } = parts;
    let (host, tenure) = place;
    let maybe = is_placed.then_some(place);
    match kind {
        0 => Message::AskReport { view, slots },
        1 => Message::Report { view, slots: reports },
        2 => Message::Behind { view },
        3 => Message::LookUp { view, actor, wish, not_at: maybe },
        4 => Message::Found { actor, host, tenure },
        5 => Message::WrongOwner { actor, view },
        6 => Message::Busy { actor },
        7 => {
            let arrived = is_placed.then_some(id);
            Message::Grant { view, actor, tenure, durable: flag, arrived }
        }
        8 => Message::Granted { actor, tenure, load },
        9 => Message::Refused { actor, tenure, why, load },
        10 => Message::Unregister { actor, tenure },
        11 => Message::Unregistered { actor, tenure },
        12 => Message::Offer { id, actor },
        13 => Message::Accept { id },
        14 => Message::Decline { id },
        15 => Message::Arrived { id },
        16 => Message::AskMove { id, actor, tenure, to: host },
        17 => Message::Moved { id, to: maybe },
        18 => Message::AskCancel { id, actor, tenure, to: host },
        19 => Message::Cancelled { id },
        20 => Message::Forget { id },
        22 => {
            let later_than = is_placed.then_some(tenure);
            Message::AwaitPlace { view, actor, later_than }
        }
        _ => {
            let message = Box::new(Message::Granted { actor, tenure, load });
            Message::Relay { origin: host, to: id.source, message }
        }
    }
}

/// Types that these nodes know.
const TYPES: [&str; 3] = ["cart", "counter", "c"];

/// The look-up of a node.
pub(super) fn types(name: &str) -> Option<ActorTypeName> {
    let known = TYPES.into_iter().find(|it| *it == name)?;
    ActorTypeName::new(known).ok()
}

pub(super) fn actor(name: &'static str, key: &str) -> ActorId {
    ActorId { actor_type: ActorTypeName::new(name).unwrap(), key: Key::new(key).unwrap() }
}

pub(super) fn id(number: u64) -> Incarnation {
    Incarnation(number)
}

/// A report of as many activations as a message has, each with the longest names and numbers.
pub(super) fn largest_report(len: usize) -> (Message, ActorTypeName) {
    let name: &'static str = "t".repeat(TYPE_NAME_BYTES_MAX).leak();
    let tenure = Tenure { view: u64::MAX, sequence: u64::MAX };
    let as_what = ReportedAs::Moving(MoveId { source: id(u64::MAX), number: u64::MAX });
    let actor = actor(name, &"k".repeat(KEY_BYTES_MAX));
    let actor_type = actor.actor_type;
    let entries = vec![Reported { actor, tenure, durable: true, as_what }; len];
    let slot = Slot::new(16_383).unwrap();
    let report = SlotReport { slot, number: u64::MAX, part: u32::MAX, parts: u32::MAX, entries };
    (Message::Report { view: ViewNumber(NUMBER_MAX), slots: vec![report] }, actor_type)
}

/// Small ones, those around the ends of a byte, and any.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..4_u64, 126..130_u64, any::<u64>(), Just(u64::MAX)]
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    number().prop_map(Incarnation)
}

fn view_number() -> impl Strategy<Value = ViewNumber> {
    number().prop_map(|number| ViewNumber(number.min(NUMBER_MAX)))
}

fn tenure() -> impl Strategy<Value = Tenure> {
    (number(), number()).prop_map(|(view, sequence)| Tenure { view, sequence })
}

fn any_actor() -> impl Strategy<Value = ActorId> {
    let key = prop_oneof!["[a-z]{1,3}", "\\PC{1,40}", Just("k".repeat(KEY_BYTES_MAX))];
    (select(&TYPES[..]), key).prop_map(|(name, key)| actor(name, &key))
}

fn move_id() -> impl Strategy<Value = MoveId> {
    (incarnation(), number()).prop_map(|(source, number)| MoveId { source, number })
}

fn wish() -> impl Strategy<Value = Wish> {
    let strategy = prop_oneof![
        select(vec![Placing::Ring, Placing::Random, Placing::Local, Placing::Balanced]),
        any::<u16>().prop_map(Placing::Stateless),
    ];
    (strategy, any::<bool>()).prop_map(|(strategy, durable)| Wish { strategy, durable })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        view_number().prop_map(Refusal::OldView),
        select(vec![Refusal::OldTenure, Refusal::NotAccepting, Refusal::NothingArrived]),
    ]
}

fn slot() -> impl Strategy<Value = Slot> {
    (0..Slot::COUNT as u16).prop_map(|number| Slot::new(number).unwrap())
}

fn reported() -> impl Strategy<Value = Reported> {
    let as_what = prop_oneof![
        select(vec![ReportedAs::Live, ReportedAs::Leaving]),
        move_id().prop_map(ReportedAs::Moving),
    ];
    (any_actor(), tenure(), any::<bool>(), as_what)
        .prop_map(|(actor, tenure, durable, as_what)| Reported { actor, tenure, durable, as_what })
}

fn slot_report() -> impl Strategy<Value = SlotReport> {
    (slot(), number(), any::<u32>(), any::<u32>(), vec(reported(), 0..3)).prop_map(
        |(slot, number, part, parts, entries)| SlotReport { slot, number, part, parts, entries },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    let names = (view_number(), any_actor(), (incarnation(), tenure()), any::<bool>(), move_id());
    let rest = (wish(), refusal(), any::<u32>(), any::<bool>());
    (names, rest, vec(slot(), 0..5), vec(slot_report(), 0..3)).prop_map(
        |((view, actor, place, is_placed, id), (wish, why, load, flag), slots, reports)| Parts {
            view,
            actor,
            place,
            is_placed,
            id,
            wish,
            why,
            load,
            flag,
            slots,
            reports,
        },
    )
}

/// Any message, of each kind as often; every third is relayed.
pub(super) fn message() -> impl Strategy<Value = Message> {
    (0..KINDS, parts(), 0..3_u8).prop_map(|(kind, parts, relayed)| {
        let (origin, to) = (parts.place.0, parts.id.source);
        match of_kind(kind, parts) {
            relay @ Message::Relay { .. } => relay,
            message if relayed == 0 => Message::Relay { origin, to, message: Box::new(message) },
            message => message,
        }
    })
}

fn state() -> impl Strategy<Value = MemberState> {
    use MemberState::{Alive, Condemned, Down, Joining, Leaving, Left};
    select(vec![Joining, Alive, Leaving, Condemned, Down, Left])
}

fn node() -> impl Strategy<Value = NodeId> {
    "[a-z0-9][a-zA-Z0-9_.-]{0,63}".prop_map(|name| NodeId::new(&name).unwrap())
}

fn address() -> impl Strategy<Value = Arc<str>> {
    let longest = "a".repeat(ADDRESS_BYTES_MAX);
    prop_oneof!["\\PC{0,20}", Just(longest)].prop_map(Arc::from)
}

fn action() -> impl Strategy<Value = TableAction> {
    let rows = || vec(incarnation(), 0..=WATCH_MAX);
    let former = || proptest::option::of(incarnation());
    let reason = select(vec![Reason::PresumedDead, Reason::MissingReport]);
    prop_oneof![
        (view_number(), rows()).prop_map(|(known, watch)| TableAction::Poll { known, watch }),
        (incarnation(), number())
            .prop_map(|(incarnation, beat)| TableAction::Beat { incarnation, beat }),
        (node(), any::<u8>(), address(), former(), any::<u128>()).prop_map(
            |(node, weight, address, former, token)| {
                let token = JoinToken(token);
                TableAction::Join { node, weight, address, former, token }
            }
        ),
        (incarnation(), state())
            .prop_map(|(incarnation, to)| TableAction::Advance { incarnation, to }),
        (incarnation(), proptest::option::of(number()), reason).prop_map(
            |(incarnation, beat, reason)| TableAction::Condemn { incarnation, beat, reason }
        ),
        (incarnation(), number())
            .prop_map(|(incarnation, beat)| TableAction::Down { incarnation, beat }),
        incarnation().prop_map(|incarnation| TableAction::DownProven { incarnation }),
        rows().prop_map(|incarnations| TableAction::Forget { incarnations }),
    ]
}

/// Any request.
pub(super) fn request() -> impl Strategy<Value = TableRequest> {
    (view_number(), action()).prop_map(|(seen, action)| TableRequest { seen, action })
}

fn member() -> impl Strategy<Value = Member> {
    (incarnation(), node(), state(), any::<bool>(), any::<u8>(), address()).prop_map(
        |(incarnation, node, state, presumed, weight, address)| Member {
            incarnation,
            node,
            state,
            presumed,
            weight,
            address,
        },
    )
}

fn view() -> impl Strategy<Value = View> {
    (view_number(), vec(member(), 0..4)).prop_map(|(number, members)| View::new(number, members))
}

fn outcome() -> impl Strategy<Value = Result<TableOutcome, TableError>> {
    let row = || {
        (incarnation(), state(), number()).prop_map(|(incarnation, state, beat)| RowRead {
            incarnation,
            state,
            beat,
        })
    };
    prop_oneof![
        (proptest::option::of(view()), vec(row(), 0..=WATCH_MAX))
            .prop_map(|(view, rows)| Ok(TableOutcome::Read { view, rows })),
        number().prop_map(|beat| Ok(TableOutcome::Beaten { beat })),
        (incarnation(), any::<bool>())
            .prop_map(|(incarnation, is_new)| Ok(TableOutcome::Joined { incarnation, is_new })),
        Just(Ok(TableOutcome::Done)),
        (state(), number()).prop_map(|(state, beat)| Err(TableError::Refused { state, beat })),
        Just(Err(TableError::Absent)),
        (view_number(), view_number())
            .prop_map(|(number, seen)| Err(TableError::Behind { number, seen })),
        Just(Err(TableError::Full)),
        "[a-z ]{0,40}".prop_map(|what| Err(TableError::Replaced { what: what.into() })),
    ]
}

/// Any answer.
pub(super) fn answer() -> impl Strategy<Value = TableAnswer> {
    (number(), view_number(), outcome()).prop_map(|(timeline, number, outcome)| TableAnswer {
        timeline,
        number,
        outcome,
    })
}

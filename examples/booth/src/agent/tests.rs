use tenure::TestContext;

use super::*;
use crate::{House, Plan};

const HOLD: Duration = Duration::from_secs(9);

/// Agent 0 of a section of four seats, of which agents are handed two at a time.
fn agent() -> (TestContext<Agent>, Agent) {
    let mut cx = TestContext::<Agent>::new("rock.A.0");
    let plan =
        Plan { sections: 1, rows: 1, seats_per_row: 4, hold_seconds: 9, agents: 2, batch: 2 };
    cx.with_state("rock", House::opened(plan)).with::<Section>();
    (cx, Agent::default())
}

fn hold(
    (cx, agent): &mut (TestContext<Agent>, Agent),
    buyer: &str,
) -> Result<(u64, u16), HoldError> {
    let held = cx.run(async |cx| agent.hold(cx, buyer.to_owned()).await);
    held.map(|Hold { hold, seat, .. }| (hold, seat))
}

fn buy((cx, agent): &mut (TestContext<Agent>, Agent), hold: u64) -> Result<u16, BuyError> {
    agent.buy(cx, hold, "ada".to_owned()).map(|ticket| ticket.seat)
}

fn other(cx: &TestContext<Agent>, number: u64) -> Result<Vec<u16>, CallError<SectionError>> {
    let handed = cx.block_on(cx.detached::<Section>("rock.A").fetch(1, number));
    handed.map(|handed| handed.seats.into_iter().collect())
}

#[test]
fn a_seat_is_held_and_bought_once() {
    let mut both = agent();
    assert_eq!(hold(&mut both, "ada"), Ok((1, 0)));
    assert_eq!(hold(&mut both, "bob"), Ok((2, 1)));
    for _ in 0..2 {
        assert_eq!(buy(&mut both, 1), Ok(0), "the same again is the same ticket");
    }
    assert_eq!(buy(&mut both, 2), Err(BuyError::NoHold), "it is another's");
    assert_eq!(both.1.release(1, "ada".to_owned()), Err(BuyError::Sold));
    for _ in 0..2 {
        assert_eq!(both.1.release(2, "bob".to_owned()), Ok(()));
    }
    assert_eq!(hold(&mut both, "ada"), Ok((3, 1)), "what is released is free");
    assert_eq!(hold(&mut both, ""), Err(HoldError::NoName));
    assert_eq!(hold(&mut both, &"x".repeat(41)), Err(HoldError::NoName));
}

#[test]
fn a_hold_that_nobody_bought_in_time_is_over() {
    let mut both = agent();
    hold(&mut both, "ada").expect("a seat");
    hold(&mut both, "bob").expect("a seat");
    // Before the agent is reminded: nothing is decided by when that is.
    both.0.advance(HOLD);
    assert_eq!(buy(&mut both, 1), Err(BuyError::Expired));
    assert_eq!(hold(&mut both, "ada"), Ok((3, 0)), "and another has the seat");
    assert_eq!(buy(&mut both, 1), Err(BuyError::NoHold));
    let (mut cx, mut agent) = both;
    cx.deliver(&mut agent);
    let places: Vec<Place> = agent.lots[0].seats.values().cloned().collect();
    assert!(matches!(places[..], [Place::Held { hold: 3, .. }, Place::Free]), "{places:?}");
}

#[test]
fn what_is_sold_goes_home_at_once_and_what_nobody_wants_later() {
    let mut both = agent();
    for hold_number in 1..=3 {
        hold(&mut both, "ada").expect("four seats");
        buy(&mut both, hold_number).expect("it is held");
    }
    let (mut cx, mut agent) = both;
    cx.advance_with(&mut agent, Duration::ZERO);
    let sold = |seats: &[u16]| seats.iter().map(|seat| (*seat, "ada".to_owned())).collect();
    assert_eq!(cx.state::<Section>("rock.A").books().sold, sold(&[0, 1]));
    assert_eq!(agent.lots.iter().map(|lot| lot.number).collect::<Vec<_>>(), [2]);
    cx.advance_with(&mut agent, HOLD);
    assert_eq!(agent.lots, [], "it brings its seats home");
    let books = cx.state::<Section>("rock.A").books();
    assert_eq!((books.sold, books.free, books.out), (sold(&[0, 1, 2]), [3].into(), vec![]));
    assert_eq!(cx.reminders(), [], "it has nothing to do");
}

#[test]
fn a_batch_that_leaves_is_not_sold_from() {
    let mut both = agent();
    hold(&mut both, "ada").expect("a seat");
    both.1.release(1, "ada".to_owned()).expect("it is held");
    let (mut cx, mut agent) = both;
    cx.advance(HOLD);
    // The first turn only says that it leaves; what the section is told has to be durable before.
    cx.run(async |cx| agent.tend(cx).await);
    assert!(agent.lots[0].leaving);
    assert_eq!(cx.state::<Section>("rock.A").books().out.len(), 1);
    let mut both = (cx, agent);
    assert_eq!(hold(&mut both, "ada"), Ok((2, 0)));
    let numbers: Vec<u64> = both.1.lots.iter().map(|lot| lot.number).collect();
    assert_eq!(numbers, [2], "the first went home, and the seat came back in another batch");
}

#[test]
fn an_agent_that_is_called_does_not_wait_for_its_reminder() {
    let mut both = agent();
    for number in 1..=4 {
        hold(&mut both, "ada").expect("four seats");
        buy(&mut both, number).expect("it is held");
    }
    assert!(both.1.lots.iter().all(|lot| lot.leaving), "{:?}", both.1.lots);
    assert_eq!(hold(&mut both, "bob"), Err(HoldError::SoldOut));
    assert_eq!(both.0.state::<Section>("rock.A").books().sold.len(), 4);
}

#[test]
fn a_turn_that_is_lost_after_its_section_answered_is_made_again() {
    let mut both = agent();
    // The fetch has happened, and the agent does not know.
    let handed = both.0.block_on(both.0.detached::<Section>("rock.A").fetch(0, 1));
    assert_eq!(handed.expect("two of four").seats, [0, 1].into());
    assert_eq!(other(&both.0, 1).expect("the others"), [2, 3]);
    assert_eq!(hold(&mut both, "ada"), Ok((1, 0)));
    // The same of what is brought home: the section knows, the agent does not.
    buy(&mut both, 1).expect("it is held");
    let (mut cx, mut agent) = both;
    cx.advance(HOLD);
    cx.run(async |cx| agent.tend(cx).await);
    let before = agent.clone();
    cx.run(async |cx| agent.tend(cx).await);
    assert_eq!(agent.lots, []);
    assert_eq!(other(&cx, 2).expect("seat 1 came home"), [1]);
    let mut agent = before;
    cx.run(async |cx| agent.tend(cx).await);
    assert_eq!(agent.lots, []);
    let books = cx.state::<Section>("rock.A").books();
    assert_eq!(books.sold, [(0, "ada".to_owned())].into());
    assert_eq!((books.free, books.out.len()), ([].into(), 2), "the other still has all three");
}

#[test]
fn who_has_none_names_those_who_have() {
    let mut both = agent();
    assert_eq!(other(&both.0, 1).expect("two"), [0, 1]);
    assert_eq!(other(&both.0, 2).expect("two"), [2, 3]);
    assert_eq!(hold(&mut both, "ada"), Err(HoldError::NoneFree { agents: vec![1] }));
    for number in [1, 2] {
        let sold = [0, 1, 2, 3].map(|seat| (seat, "bob".to_owned())).into();
        let settled = both.0.detached::<Section>("rock.A").settle(1, number, sold);
        both.0.block_on(settled).expect("it comes home");
    }
    assert_eq!(hold(&mut both, "ada"), Err(HoldError::SoldOut));
    assert_eq!(both.1, Agent::default(), "nothing was changed");
}

#[test]
fn who_is_no_agent_sells_nothing() {
    for key in ["rock.A.2", "rock.A.00", "rock.B.0", "rock", "pop.A.0"] {
        let mut cx = TestContext::<Agent>::new(key);
        let plan =
            Plan { sections: 1, rows: 1, seats_per_row: 4, hold_seconds: 9, agents: 2, batch: 2 };
        cx.with_state("rock", House::opened(plan)).with::<Section>();
        let held = hold(&mut (cx, Agent::default()), "ada");
        assert!(matches!(held, Err(HoldError::NoAgent { .. })), "{key}: {held:?}");
    }
}

use tenure::TestContext;

use super::*;
use crate::{Batch, Lot};

const PLAN: Plan =
    Plan { sections: 1, rows: 2, seats_per_row: 3, hold_seconds: 9, agents: 2, batch: 2 };

fn lot(number: u64, seats: [(u16, Place); 2]) -> Lot {
    Lot { number, leaving: false, seats: seats.into() }
}

fn held() -> Place {
    Place::Held { hold: 1, buyer: "ada".to_owned(), until_ms: 9 }
}

fn books(free: &[u16], sold: &[u16], out: Vec<Batch>) -> SectionShown {
    let sold = sold.iter().map(|seat| (*seat, "bob".to_owned())).collect();
    SectionShown { seats: 6, free: free.iter().copied().collect(), sold, out }
}

fn batch(agent: u32, number: u64, seats: [u16; 2]) -> Batch {
    Batch { agent, number, seats: seats.into() }
}

fn counts(picture: &Picture) -> (&str, [u32; 3]) {
    (&picture.seats, [picture.free, picture.held, picture.sold])
}

#[test]
fn every_seat_counts_once_wherever_it_was_on_its_way() {
    let agents = [
        // Batch 1 was brought home after it had told; of batch 3 it had not heard.
        AgentShown { number: 2, lots: vec![lot(1, [(0, held()), (1, Place::Free)])] },
        AgentShown { number: 5, lots: vec![lot(5, [(2, held()), (3, Place::Free)])] },
    ];
    let section = books(&[0], &[1], vec![batch(1, 5, [2, 3]), batch(0, 3, [4, 5])]);
    let picture = add_up(PLAN, &agents, &section);
    assert_eq!(counts(&picture), ("fshfff", [4, 1, 1]));
    let nothing = add_up(PLAN, &agents[1..], &SectionShown::default());
    assert_eq!(counts(&nothing), ("ffffff", [6, 0, 0]), "nobody has asked for a seat");
}

#[test]
fn a_seat_that_two_have_or_nobody_is_seen() {
    let twice = [AgentShown { number: 1, lots: vec![lot(1, [(0, held()), (1, Place::Free)])] }];
    let section = books(&[1, 2, 3, 4, 5], &[], vec![batch(0, 1, [0, 1])]);
    assert_eq!(counts(&add_up(PLAN, &twice, &section)).1, [6, 1, 0]);
    // An agent that forgot a batch that is out.
    let forgot = [AgentShown { number: 1, lots: vec![] }];
    let section = books(&[2, 3, 4, 5], &[], vec![batch(0, 1, [0, 1])]);
    assert_eq!(counts(&add_up(PLAN, &forgot, &section)), ("??ffff", [4, 0, 0]));
}

#[test]
fn a_board_shows_what_agents_and_section_have() {
    let mut cx = TestContext::<Board>::new("rock.A");
    cx.with_state("rock", House::opened(PLAN)).with::<Section>().with::<Agent>();
    let mut board = Board::default();
    let mut show = |cx: &mut TestContext<Board>| {
        let picture = cx.run(async |cx| board.show(cx).await).expect("all answer");
        (picture.seats, [picture.free, picture.held, picture.sold])
    };
    assert_eq!(show(&mut cx).0, "ffffff");
    let agent = cx.actor::<Agent>("rock.A.1");
    let hold = cx.block_on(agent.hold("ada".to_owned())).expect("a seat");
    assert_eq!(show(&mut cx).0, "ffffff", "it does not ask again so soon");
    cx.advance(Duration::from_millis(AGE_MS_MAX));
    assert_eq!(show(&mut cx), ("hfffff".to_owned(), [5, 1, 0]));
    cx.block_on(agent.buy(hold.hold, "ada".to_owned())).expect("it is held");
    cx.advance(Duration::from_millis(AGE_MS_MAX));
    assert_eq!(show(&mut cx), ("sfffff".to_owned(), [5, 0, 1]));
}

#[test]
fn a_board_of_no_section_shows_nothing() {
    for key in ["rock.B", "pop.A", "rock"] {
        let mut cx = TestContext::<Board>::new(key);
        cx.with_state("rock", House::opened(PLAN));
        let shown = cx.run(async |cx| Board::default().show(cx).await);
        assert_eq!(shown, Err(BoardError::NoSection), "{key}");
    }
}

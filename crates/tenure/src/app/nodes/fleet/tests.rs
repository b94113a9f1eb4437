use super::*;

const BUDGET: Duration = Duration::from_secs(30);

/// Two nodes that run, or three, and what their driver does with the orders.
fn running(count: u32) -> (Fleet, Instant) {
    let mut fleet = Fleet::new(count, 4, BUDGET);
    for number in 1..=count {
        fleet.handle_ready(number, 1, addresses());
    }
    fleet.take_orders();
    (fleet, Instant::now())
}

fn addresses() -> (String, String) {
    ("127.0.0.1:7070".to_owned(), "127.0.0.1:7071".to_owned())
}

fn state(fleet: &Fleet, number: u32) -> State {
    fleet.nodes()[&number].state
}

/// The orders without what is only said.
fn done(fleet: &mut Fleet) -> Vec<Order> {
    let orders = fleet.take_orders().into_iter();
    orders.filter(|order| !matches!(order, Order::Tell(..))).collect()
}

#[test]
fn all_are_started_at_first_and_run_once_they_say_that_they_are_ready() {
    let mut fleet = Fleet::new(2, 4, BUDGET);
    let starts = [1, 2].map(|number| Order::Start { number, run: 1 });
    assert_eq!(fleet.take_orders(), starts);
    fleet.handle_ready(2, 1, addresses());
    assert_eq!((state(&fleet, 1), state(&fleet, 2)), (State::Starting, State::Running));
}

#[test]
fn a_node_that_ended_by_itself_or_was_killed_is_started_again_after_a_while() {
    for (action, status) in [(None, "exit status: 1"), (Some(Action::Kill(1)), "signal: 9")] {
        let (mut fleet, now) = running(2);
        let is_killed = action.is_some();
        action.into_iter().for_each(|action| fleet.handle_action(action, now));
        let orders = if is_killed { vec![Order::Send(1, Signal::KILL)] } else { vec![] };
        assert_eq!(fleet.take_orders(), orders);
        fleet.handle_end(1, status, false, now);
        let said = format!("ended ({status}); it is started again");
        assert_eq!(fleet.take_orders(), [Order::Tell(1, said)]);
        fleet.handle_tick(now + AGAIN_AFTER - Duration::from_nanos(1));
        assert_eq!(fleet.take_orders(), []);
        fleet.handle_tick(now + AGAIN_AFTER);
        assert_eq!(fleet.take_orders(), [Order::Start { number: 1, run: 2 }]);
        // What the process before it said late is not of this one.
        fleet.handle_ready(1, 1, addresses());
        assert_eq!(state(&fleet, 1), State::Starting);
        fleet.handle_ready(1, 2, addresses());
        assert_eq!(state(&fleet, 1), State::Running);
    }
}

#[test]
fn a_drained_node_stays_away_until_it_is_added() {
    let (mut fleet, now) = running(3);
    fleet.handle_action(Action::Drain(2), now);
    assert_eq!(fleet.take_orders(), [Order::Send(2, Signal::TERM)]);
    for action in [Action::Drain(2), Action::Pause(2)] {
        fleet.handle_action(action, now);
        assert_eq!(fleet.take_orders(), [], "it is draining");
    }
    fleet.handle_end(2, "exit status: 0", true, now);
    fleet.handle_tick(now + Duration::from_secs(3_600));
    assert_eq!(done(&mut fleet), []);
    assert_eq!(state(&fleet, 2), State::Gone { again_at: None });
    for action in [Action::Kill(2), Action::Drain(2), Action::Pause(2)] {
        fleet.handle_action(action, now);
        assert_eq!(fleet.take_orders(), [], "it is gone");
    }
    fleet.handle_action(Action::Add(Some(1)), now);
    assert_eq!(fleet.take_orders(), [Order::Start { number: 2, run: 2 }]);
}

#[test]
fn a_node_that_does_not_end_in_time_is_killed_once_and_stays_away() {
    let (mut fleet, now) = running(2);
    fleet.handle_action(Action::Drain(1), now);
    fleet.take_orders();
    let late = now + BUDGET + END_MAX;
    fleet.handle_tick(late - Duration::from_nanos(1));
    assert_eq!(done(&mut fleet), []);
    fleet.handle_tick(late);
    fleet.handle_tick(late);
    assert_eq!(done(&mut fleet), [Order::Send(1, Signal::KILL)]);
    fleet.handle_end(1, "signal: 9", false, late);
    fleet.handle_tick(late + AGAIN_AFTER);
    assert_eq!(done(&mut fleet), []);
}

#[test]
fn a_paused_node_continues_and_cannot_be_drained_before() {
    let (mut fleet, now) = running(2);
    fleet.handle_action(Action::Pause(1), now);
    assert_eq!(state(&fleet, 1), State::Paused);
    fleet.handle_action(Action::Drain(1), now);
    assert!(fleet.latest().contains("is paused"), "{}", fleet.latest());
    fleet.handle_action(Action::Pause(1), now);
    assert_eq!(fleet.take_orders(), [Signal::STOP, Signal::CONT].map(|it| Order::Send(1, it)));
    assert_eq!(state(&fleet, 1), State::Running);
    fleet.handle_action(Action::Pause(1), now);
    fleet.handle_action(Action::Kill(1), now);
    fleet.handle_end(1, "signal: 9", false, now);
    assert!(matches!(state(&fleet, 1), State::Gone { again_at: Some(_) }));
}

#[test]
fn one_that_is_gone_is_added_before_a_new_one_and_there_is_a_most() {
    let (mut fleet, now) = running(3);
    for number in [1, 2] {
        fleet.handle_action(Action::Drain(number), now);
        fleet.handle_end(number, "exit status: 0", true, now);
    }
    fleet.handle_end(3, "exit status: 1", false, now);
    fleet.take_orders();
    // The chosen one, also before its time; then who stays away; then new numbers.
    for chosen in [3, 2, 2, 1] {
        fleet.handle_action(Action::Add(Some(chosen)), now);
    }
    let starts = [(3, 2), (2, 2), (1, 2), (4, 1)].map(|(number, run)| Order::Start { number, run });
    assert_eq!(fleet.take_orders(), starts);
    fleet.handle_action(Action::Add(None), now);
    assert_eq!(fleet.take_orders(), []);
    assert!(fleet.latest().contains("no more"), "{}", fleet.latest());
}

#[test]
fn all_end_one_after_the_other_and_paused_ones_continue_to_do_so() {
    let (mut fleet, now) = running(4);
    fleet.handle_action(Action::Pause(2), now);
    fleet.handle_end(4, "exit status: 1", false, now);
    fleet.take_orders();
    fleet.handle_stop("SIGTERM");
    assert_eq!(fleet.take_orders(), [Order::Send(2, Signal::CONT)]);
    for number in [1, 2, 3] {
        assert!(!fleet.is_over());
        fleet.handle_tick(now + AGAIN_AFTER);
        fleet.handle_tick(now + AGAIN_AFTER);
        assert_eq!(fleet.take_orders(), [Order::Send(number, Signal::TERM)]);
        fleet.handle_end(number, "exit status: 0", true, now);
    }
    assert!(fleet.is_over());
    assert_eq!((fleet.take_orders(), fleet.hurried_by()), (vec![], None));
}

#[test]
fn a_second_stop_kills_what_is_left_and_other_keys_do_nothing_meanwhile() {
    let (mut fleet, now) = running(3);
    fleet.handle_action(Action::Quit, now);
    fleet.handle_tick(now);
    fleet.handle_end(1, "exit status: 0", true, now);
    fleet.take_orders();
    for action in [Action::Kill(2), Action::Drain(2), Action::Pause(2), Action::Add(Some(1))] {
        fleet.handle_action(action, now);
        assert_eq!(fleet.take_orders(), []);
    }
    fleet.handle_stop("SIGINT");
    assert_eq!(fleet.take_orders(), [2, 3].map(|number| Order::Send(number, Signal::KILL)));
    assert_eq!(fleet.hurried_by(), Some("SIGINT"));
    for number in [2, 3] {
        assert!(!fleet.is_over());
        fleet.handle_end(number, "signal: 9", false, now);
    }
    fleet.handle_tick(now + AGAIN_AFTER);
    assert_eq!(done(&mut fleet), []);
    assert!(fleet.is_over());
}

#[test]
fn the_logs_of_a_node_are_hidden_and_stay_so_when_it_starts_again() {
    let (mut fleet, now) = running(2);
    assert!(fleet.is_shown(1) && fleet.is_shown(2));
    fleet.handle_action(Action::Logs(1), now);
    fleet.handle_end(1, "exit status: 1", false, now);
    fleet.handle_tick(now + AGAIN_AFTER);
    assert!(!fleet.is_shown(1) && fleet.is_shown(2));
    fleet.handle_action(Action::Logs(1), now);
    assert!(fleet.is_shown(1));
}

#[test]
fn what_could_not_be_started_is_gone() {
    let mut fleet = Fleet::new(2, 4, BUDGET);
    fleet.handle_not_started(1);
    fleet.handle_not_started(2);
    assert!(!fleet.is_over(), "nobody told it to stop");
    fleet.handle_stop("a failure");
    assert!(fleet.is_over());
}

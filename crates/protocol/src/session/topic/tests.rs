use proptest::prelude::*;

use super::*;

impl Weigh for u64 {
    fn bytes(&self) -> usize {
        1
    }
}

const BOUNDS: TailBounds = TailBounds { events_max: 3, bytes_max: 100 };

fn at(epoch: u64, offset: u64) -> Position {
    Position { epoch, offset }
}

fn topic() -> Topic<u8, u64> {
    Topic::new(BOUNDS)
}

fn answer(to: u8, at: Position, recovered: bool, events: &[u64]) -> Effect<u8, u64> {
    Effect::Answer { to, at, recovered, events: events.iter().map(|it| (*it, *it)).collect() }
}

fn deliver(to: u8, offset: u64) -> Effect<u8, u64> {
    Effect::Deliver { to, offset, event: offset }
}

fn read(reader: Option<u8>, after: Position) -> Effect<u8, u64> {
    Effect::Read { reader, after }
}

fn page(end: Position, events: &[u64]) -> Page<u64> {
    Page { end, events: Some(events.iter().map(|it| (*it, *it)).collect()) }
}

/// A topic that stands at event `head` of log 7 with one live subscriber.
fn at_head(head: u64) -> Topic<u8, u64> {
    let mut topic = topic();
    topic.handle_join(1);
    topic.handle_attached(1, at(7, head), None);
    assert_eq!(topic.take_effects(), [answer(1, at(7, head), false, &[])]);
    topic
}

#[test]
fn a_new_subscriber_begins_where_it_was_let_in() {
    let mut topic = at_head(4);
    for (offset, effects) in
        [(4, vec![]), (5, vec![deliver(1, 5)]), (5, vec![]), (6, vec![deliver(1, 6)])]
    {
        topic.handle_event(at(7, offset), &offset);
        assert_eq!(topic.take_effects(), effects, "event {offset}");
    }
}

#[test]
fn events_between_the_attach_turn_and_its_end_are_not_missed() {
    let mut topic = at_head(4);
    topic.handle_join(2);
    topic.handle_event(at(7, 5), &5);
    topic.handle_event(at(7, 6), &6);
    topic.take_effects();
    topic.handle_attached(2, at(7, 5), None);
    assert_eq!(topic.take_effects(), [answer(2, at(7, 6), false, &[6])]);
    // One that was let in later than the events that were told so far waits for its first.
    topic.handle_join(3);
    topic.handle_attached(3, at(7, 8), None);
    assert_eq!(topic.take_effects(), [answer(3, at(7, 8), false, &[])]);
    for offset in 7..=9 {
        topic.handle_event(at(7, offset), &offset);
    }
    let expected = [deliver(1, 7), deliver(2, 7), deliver(1, 8), deliver(2, 8)];
    let both = [deliver(1, 9), deliver(2, 9), deliver(3, 9)];
    assert_eq!(topic.take_effects(), [&expected[..], &both[..]].concat());
}

#[test]
fn what_was_missed_before_anybody_was_let_in_is_read() {
    let mut topic = topic();
    topic.handle_join(1);
    topic.handle_gap();
    assert_eq!(topic.take_effects(), [], "nobody knows where the log stands");
    topic.handle_attached(1, at(7, 4), None);
    assert_eq!(topic.take_effects(), [read(None, at(7, 4)), answer(1, at(7, 4), false, &[])]);
    topic.handle_page(None, at(7, 4), page(at(7, 5), &[5]));
    assert_eq!(topic.take_effects(), [deliver(1, 5)]);
    topic.handle_join(2);
    topic.handle_attached(2, at(7, 5), None);
    assert_eq!(topic.take_effects(), [answer(2, at(7, 5), false, &[])], "it was read once");
}

#[test]
fn who_comes_back_gets_what_it_missed_from_the_tail_or_by_reading() {
    for (resume, expected) in [
        (at(7, 9), answer(2, at(7, 9), true, &[])),
        (at(7, 7), answer(2, at(7, 9), true, &[8, 9])),
        (at(7, 6), answer(2, at(7, 9), true, &[7, 8, 9])),
        (at(7, 2), read(Some(2), at(7, 2))),
        // From the future, or another log.
        (at(7, 10), answer(2, at(7, 9), false, &[])),
        (at(6, 8), answer(2, at(7, 9), false, &[])),
    ] {
        let mut topic = at_head(5);
        (6..=9).for_each(|offset| topic.handle_event(at(7, offset), &offset));
        topic.take_effects();
        topic.handle_join(2);
        topic.handle_attached(2, at(7, 9), Some(resume));
        assert_eq!(topic.take_effects(), [expected], "{resume}");
    }
}

#[test]
fn pages_are_answered_and_followed_until_the_subscriber_is_up() {
    let mut topic = at_head(9);
    topic.handle_join(2);
    topic.handle_attached(2, at(7, 9), Some(at(7, 2)));
    assert_eq!(topic.take_effects(), [read(Some(2), at(7, 2))]);
    // What happens meanwhile is not delivered twice.
    topic.handle_event(at(7, 10), &10);
    assert_eq!(topic.take_effects(), [deliver(1, 10)]);
    topic.handle_page(Some(2), at(7, 2), page(at(7, 10), &[3, 4, 5]));
    assert_eq!(
        topic.take_effects(),
        [answer(2, at(7, 5), true, &[3, 4, 5]), read(Some(2), at(7, 5))]
    );
    topic.handle_page(Some(2), at(7, 5), page(at(7, 10), &[6, 7, 8, 9]));
    assert_eq!(topic.take_effects(), (6..=10).map(|offset| deliver(2, offset)).collect::<Vec<_>>());
    // What was read serves the next who comes, as far as there is room.
    topic.handle_join(3);
    topic.handle_attached(3, at(7, 10), Some(at(7, 7)));
    assert_eq!(topic.take_effects(), [answer(3, at(7, 10), true, &[8, 9, 10])]);
}

#[test]
fn who_cannot_go_on_is_told() {
    let mut topic = at_head(9);
    topic.handle_join(2);
    topic.handle_attached(2, at(7, 9), Some(at(7, 2)));
    topic.take_effects();
    topic.handle_page(Some(2), at(7, 2), Page { end: at(7, 9), events: None });
    assert_eq!(topic.take_effects(), [answer(2, at(7, 9), false, &[])]);
    // A new log: whoever followed the old one has to begin anew.
    topic.handle_event(at(8, 1), &1);
    let reset = |to| Effect::Reset { to, was_answered: true };
    assert_eq!(topic.take_effects(), [reset(1), reset(2)]);
    assert!(topic.is_empty());
}

#[test]
fn a_gap_is_read_once_for_all() {
    let mut topic = at_head(4);
    topic.handle_event(at(7, 6), &6);
    topic.handle_event(at(7, 7), &7);
    assert_eq!(topic.take_effects(), [read(None, at(7, 4))]);
    topic.handle_page(None, at(7, 4), page(at(7, 6), &[5, 6]));
    assert_eq!(topic.take_effects(), [deliver(1, 5), deliver(1, 6), read(None, at(7, 6))]);
    topic.handle_page(None, at(7, 6), page(at(7, 7), &[7]));
    assert_eq!(topic.take_effects(), [deliver(1, 7)]);
    topic.handle_gap();
    topic.take_effects();
    topic.handle_page(None, at(7, 7), Page { end: at(9, 3), events: None });
    assert_eq!(topic.take_effects(), [Effect::Reset { to: 1, was_answered: true }]);
}

#[test]
fn one_let_into_a_log_that_the_topic_does_not_know_makes_sure() {
    let mut topic = at_head(4);
    topic.handle_join(2);
    topic.handle_attached(2, at(8, 1), None);
    assert_eq!(topic.take_effects(), [read(Some(2), at(8, 1))]);
    topic.handle_page(Some(2), at(8, 1), page(at(8, 2), &[2]));
    let reset = Effect::Reset { to: 1, was_answered: true };
    assert_eq!(topic.take_effects(), [reset, answer(2, at(8, 2), false, &[2])]);
    // One that was let in before the log changed finds out, too.
    topic.handle_join(3);
    topic.handle_attached(3, at(7, 4), None);
    assert_eq!(topic.take_effects(), [read(Some(3), at(7, 4))]);
    topic.handle_page(Some(3), at(7, 4), Page { end: at(8, 2), events: None });
    assert_eq!(topic.take_effects(), [Effect::Reset { to: 3, was_answered: false }]);
}

/// The log as it is, and what is on its way to the topic.
#[derive(Debug)]
struct World {
    topic: Topic<u8, u64>,
    log: Position,
    /// Events of the present log that are kept begin after this offset.
    kept_after: u64,
    told: std::collections::VecDeque<Position>,
    reads: Vec<(Option<u8>, Position, Option<Page<u64>>)>,
    attaching: Vec<(u8, Position, Option<Position>)>,
    clients: [Option<Position>; 3],
    live: [bool; 3],
}

#[derive(Clone, Debug)]
enum Step {
    Emit,
    Lose,
    Trim,
    Tell { is_lost: bool },
    Join(u8),
    Attach(usize),
    Read(usize),
    Answer(usize),
    Leave(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Emit),
        1 => Just(Step::Lose),
        1 => Just(Step::Trim),
        6 => Just(Step::Tell { is_lost: false }),
        1 => Just(Step::Tell { is_lost: true }),
        3 => (0..3u8).prop_map(Step::Join),
        3 => any::<usize>().prop_map(Step::Attach),
        3 => any::<usize>().prop_map(Step::Read),
        3 => any::<usize>().prop_map(Step::Answer),
        1 => (0..3u8).prop_map(Step::Leave),
    ];
    proptest::collection::vec(step, 1..120)
}

impl World {
    fn new() -> Self {
        Self {
            topic: topic(),
            log: at(1, 0),
            kept_after: 0,
            told: [].into(),
            reads: Vec::new(),
            attaching: Vec::new(),
            clients: [None; 3],
            live: [false; 3],
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Emit => {
                self.log.offset += 1;
                self.told.push_back(self.log);
            }
            Step::Lose => {
                self.log = at(self.log.epoch + 1, 0);
                self.kept_after = 0;
            }
            Step::Trim => self.kept_after = self.log.offset.saturating_sub(2).max(self.kept_after),
            Step::Tell { is_lost } => match self.told.pop_front() {
                Some(_) if is_lost => self.topic.handle_gap(),
                Some(event) => self.topic.handle_event(event, &event.offset),
                None => {}
            },
            Step::Join(id) if !self.live[usize::from(id)] => {
                self.topic.handle_leave(id);
                self.attaching.retain(|(joining, ..)| *joining != id);
                self.topic.handle_join(id);
                self.attaching.push((id, self.log, self.clients[usize::from(id)]));
            }
            Step::Join(_) => {}
            Step::Attach(which) if !self.attaching.is_empty() => {
                let (id, log, resume) = self.attaching.remove(which % self.attaching.len());
                self.topic.handle_attached(id, log, resume);
            }
            Step::Read(which) if !self.reads.is_empty() => {
                let which = which % self.reads.len();
                let (end, kept_after) = (self.log, self.kept_after);
                let (_, after, page) = &mut self.reads[which];
                let follows = after.epoch == end.epoch && after.offset >= kept_after;
                let events = (after.offset + 1..=end.offset).take(2).map(|it| (it, it)).collect();
                *page = Some(Page { end, events: follows.then_some(events) });
            }
            Step::Answer(which) => {
                let read: Vec<usize> =
                    (0..self.reads.len()).filter(|it| self.reads[*it].2.is_some()).collect();
                if !read.is_empty() {
                    let (reader, after, page) = self.reads.remove(read[which % read.len()]);
                    self.topic.handle_page(reader, after, page.unwrap());
                }
            }
            Step::Leave(id) => {
                self.topic.handle_leave(id);
                self.attaching.retain(|(joining, ..)| *joining != id);
                self.reads.retain(|(reader, ..)| *reader != Some(id));
                self.live[usize::from(id)] = false;
            }
            Step::Attach(_) | Step::Read(_) => {}
        }
        self.obey();
    }

    /// Does what the topic says, and looks whether each client gets each event once and in order.
    fn obey(&mut self) {
        for effect in self.topic.take_effects() {
            match effect {
                Effect::Read { reader, after } => {
                    self.reads.retain(|(other, ..)| *other != reader);
                    self.reads.push((reader, after, None));
                }
                Effect::Reset { to, was_answered } => {
                    assert_eq!(was_answered, self.live[usize::from(to)]);
                    self.live[usize::from(to)] = false;
                }
                Effect::Answer { to, at, recovered, events } => {
                    let client = &mut self.clients[usize::from(to)];
                    let first = events.first().map_or(at.offset + 1, |(offset, _)| *offset);
                    if recovered {
                        let before = client.expect("only who was there comes back");
                        assert_eq!((before.epoch, before.offset + 1), (at.epoch, first));
                    }
                    assert!(events.iter().zip(first..).all(|((offset, _), next)| *offset == next));
                    *client = Some(at);
                    self.live[usize::from(to)] = true;
                }
                Effect::Deliver { to, offset, .. } => {
                    assert!(self.live[usize::from(to)], "{to} was not answered");
                    let client = self.clients[usize::from(to)].as_mut().expect("it was answered");
                    assert_eq!(client.offset + 1, offset);
                    client.offset = offset;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn each_event_comes_once_and_in_order_and_in_the_end_nobody_is_behind(steps in steps()) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
        // Calm: an event of the present log tells everybody.
        world.step(&Step::Emit);
        for _ in 0..400 {
            for step in [Step::Tell { is_lost: false }, Step::Attach(0), Step::Read(0), Step::Answer(0)] {
                world.step(&step);
            }
        }
        for (client, live) in world.clients.iter().zip(world.live) {
            prop_assert!(!live || *client == Some(world.log), "{client:?} is behind {}", world.log);
        }
        prop_assert_eq!(world.topic.len(), world.live.iter().filter(|live| **live).count());
    }
}

//! The beginning and the end of an activation, and records of older schemas.

use tenure::__private::CODEC_NAMED;
use tenure::prelude::*;
use tenure::{__private as private, TestContext};

#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Room {
    log: Vec<String>,
}

#[actor]
impl Room {
    /// Whatever its visibility says: nobody else calls it.
    #[activate]
    pub fn open(&mut self, cx: &mut Context<Self>) {
        self.log.push(format!("open {}", cx.key()));
    }

    #[deactivate]
    async fn close(&mut self) {
        self.log.push("close".to_owned());
    }

    pub fn enter(&mut self, name: String) {
        self.log.push(name);
    }

    pub fn leave(&self, cx: &mut Context<Self>) {
        cx.deactivate();
    }

    pub fn burn(&mut self, cx: &mut Context<Self>) {
        cx.delete();
    }
}

#[test]
fn hooks_are_internal_methods_without_arguments() {
    let table: Vec<_> = Room::methods().iter().map(|it| (it.info.name, it.internal)).collect();
    let expected =
        [("open", true), ("close", true), ("enter", false), ("leave", false), ("burn", false)];
    assert_eq!(table, expected);
    let hooks = Room::hooks();
    assert_eq!(hooks.activate.map(|it| it.info.name), Some("open"));
    assert_eq!(hooks.deactivate.map(|it| it.info.name), Some("close"));
    assert!(hooks.activate.is_some_and(|it| it.info.exclusive));
    assert!(Door::hooks().activate.is_none());
}

#[test]
fn an_activation_begins_and_ends_with_its_hooks() {
    let mut cx = TestContext::<Door>::new("d");
    cx.with::<Room>();
    let room = cx.actor::<Room>("r");
    assert_eq!(cx.block_on(room.enter("bob".to_owned())), Ok(()));
    assert_eq!(cx.block_on(room.enter("eve".to_owned())), Ok(()));
    assert_eq!(cx.state::<Room>("r").log, ["open r", "bob", "eve"]);
    assert_eq!(cx.block_on(room.leave()), Ok(()));
    assert_eq!(cx.state::<Room>("r").log, ["open r", "bob", "eve", "close"]);
    assert_eq!(cx.block_on(room.enter("bob".to_owned())), Ok(()));
    assert_eq!(cx.state::<Room>("r").log[3..], ["close", "open r", "bob"]);
    assert_eq!(cx.block_on(room.burn()), Ok(()));
    assert_eq!(*cx.state::<Room>("r"), Room::default());
    assert_eq!(cx.block_on(room.enter("eve".to_owned()).send()), Ok(()));
    assert_eq!(cx.state::<Room>("r").log, ["open r", "eve"]);
}

#[test]
fn the_actor_under_test_is_activated_by_the_test() {
    let mut cx = TestContext::<Room>::new("r");
    let mut room = Room::default();
    assert_eq!(cx.call(&mut room, RoomEnter { name: "bob".to_owned() }), Ok(()));
    assert_eq!(cx.call(&mut room, RoomOpen {}), Ok(()));
    room.open(&mut cx);
    assert_eq!(cx.call(&mut room, RoomLeave {}), Ok(()));
    assert_eq!(room.log, ["bob", "open r", "open r"]);
    assert!(cx.deactivation_requested());
    assert!(!cx.deletion_requested());
    assert_eq!(cx.call(&mut room, RoomBurn {}), Ok(()));
    assert!(cx.deletion_requested());
    assert_eq!(room, Room::default());
}

#[derive(Default)]
struct Door;

#[actor(persist = volatile)]
impl Door {
    pub fn shut(&self) {}
}

/// The state that was, and was again.
#[tenure::data]
struct CounterV1 {
    value: i64,
}

#[tenure::data]
struct CounterV2 {
    by_name: Vec<(String, i64)>,
}

#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Counter {
    total: i64,
    names: Vec<String>,
}

#[actor(schema = 4)]
impl Counter {
    /// In any order.
    #[upgrade(from = 3)]
    fn upgrade_3(mut old: Self) -> Counter {
        old.names.sort();
        old
    }

    #[upgrade(from = 1)]
    fn upgrade_1(old: CounterV1) -> CounterV2 {
        CounterV2 { by_name: vec![("all".to_owned(), old.value)] }
    }

    #[upgrade(from = 2)]
    pub fn upgrade_2(old: CounterV2) -> Self {
        let total = old.by_name.iter().map(|(_, value)| value).sum();
        Self { total, names: old.by_name.into_iter().map(|(name, _)| name).collect() }
    }

    pub fn total(&self) -> i64 {
        self.total
    }
}

fn stored(state: &impl private::serde::Serialize) -> Vec<u8> {
    let mut body = Vec::new();
    private::encode_named(state, &mut body).unwrap();
    body
}

#[test]
fn an_older_record_goes_through_the_chain() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let first = stored(&CounterV1 { value: 7 });
    let second = stored(&CounterV2 { by_name: vec![("b".to_owned(), 1), ("a".to_owned(), 2)] });
    let third = stored(&Counter { total: 9, names: names(&["y", "x"]) });
    for (schema, body, total, expected) in [
        (1, &first, 7, names(&["all"])),
        (2, &second, 3, names(&["b", "a"])),
        (3, &third, 9, names(&["x", "y"])),
        (4, &third, 9, names(&["y", "x"])),
    ] {
        let state = Counter::decode(schema, CODEC_NAMED, body).unwrap();
        assert_eq!(state, Counter { total, names: expected }, "schema {schema}");
    }
    assert_eq!(Counter::methods().len(), 1);
}

#[test]
fn a_record_without_a_way_is_refused() {
    let body = stored(&Counter::default());
    for (error, words) in [
        (Counter::decode(5, CODEC_NAMED, &body).unwrap_err(), "this program knows schema 4"),
        (Counter::decode(1, CODEC_NAMED, &body).unwrap_err(), "missing field `value`"),
        (Counter::decode(1, 9, &body).unwrap_err(), "codec 9 is not known"),
        (Late::decode(1, CODEC_NAMED, &stored(&())).unwrap_err(), "no #[upgrade(from = 1)]"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(Late::decode(2, CODEC_NAMED, &stored(&1)).unwrap(), Late(1));
}

/// Records of schema 1 are gone.
#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Late(i64);

#[actor(schema = 3)]
impl Late {
    #[upgrade(from = 2)]
    fn upgrade_2(old: i64) -> Self {
        Self(old)
    }

    pub fn get(&self) -> i64 {
        self.0
    }
}

#[tenure::data]
#[derive(Default)]
#[allow(missing_docs, reason = "of this test alone")]
pub struct Hall {
    here: Vec<String>,
}

#[tenure::error]
#[allow(missing_docs, reason = "of this test alone")]
pub enum Closed {
    #[problem(status = 403, "the hall is for members")]
    Strangers,
}

#[actor(persist = volatile)]
impl Hall {
    #[attach]
    fn come(&mut self, peer: tenure::Peer) -> Result<usize, Closed> {
        let user = peer.user.ok_or(Closed::Strangers)?;
        self.here.push(user);
        Ok(self.here.len())
    }

    /// How many are here.
    pub fn here(&self) -> usize {
        self.here.len()
    }

    #[detach]
    fn go(&mut self, peer: tenure::Peer) {
        self.here.retain(|it| Some(it) != peer.user.as_ref());
    }
}

#[test]
fn a_client_is_let_in_and_out_by_its_hooks() {
    let hooks = <Hall as Actor>::hooks();
    assert_eq!(hooks.attach.map(|it| (it.info.name, it.internal)), Some(("come", true)));
    assert_eq!(hooks.detach.map(|it| (it.info.name, it.info.exclusive)), Some(("go", true)));
    assert!(<Door as Actor>::hooks().attach.is_none());
}

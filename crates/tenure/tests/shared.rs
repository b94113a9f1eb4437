//! Near caches: what a handler reads of an actor without calling it.

use std::time::Duration;

use tenure::prelude::*;
use tenure::{CallError, SHARED_COPIES_MAX, Share, SharedError, TestContext};

const MAX_AGE: Duration = Duration::from_secs(2);

/// What everybody has said.
#[tenure::data]
#[derive(Default)]
struct Pool {
    said: Vec<String>,
    /// How often somebody has looked.
    looks: u32,
    away: bool,
}

/// The pool is not there now.
#[tenure::error]
#[derive(PartialEq)]
enum PoolError {
    /// As a test wishes.
    #[problem(status = 409, "away")]
    Away,
}

#[actor(persist = volatile)]
impl Pool {
    pub fn say(&mut self, what: String) {
        self.said.push(what);
    }

    pub fn leave(&mut self, away: bool) {
        self.away = away;
    }

    pub fn look(&mut self) -> Result<Vec<String>, PoolError> {
        self.looks += 1;
        if self.away { Err(PoolError::Away) } else { Ok(self.said.clone()) }
    }
}

impl Share for Pool {
    type Copy = Vec<String>;
    const MAX_AGE: Duration = MAX_AGE;

    async fn copy(pool: PoolRef) -> Result<Vec<String>, CallError> {
        pool.look()
            .await
            .map_err(|error| CallError::Unavailable { detail: error.to_string().into() })
    }
}

/// Reads the pool.
#[tenure::data]
#[derive(Default)]
struct Reader {}

#[actor(persist = volatile)]
impl Reader {
    pub fn read(&self, cx: &Context<Self>, pool: String) -> Option<Vec<String>> {
        cx.shared::<Pool>(&pool).ok().map(|copy| copy.to_vec())
    }
}

fn world() -> TestContext<Reader> {
    let mut cx = TestContext::<Reader>::new("r");
    cx.with::<Pool>();
    cx
}

fn say(cx: &TestContext<Reader>, what: &str) {
    cx.block_on(cx.actor::<Pool>("p").say(what.to_owned())).expect("it is said");
}

fn words(cx: &TestContext<Reader>) -> Vec<String> {
    cx.shared::<Pool>("p").expect("a copy").to_vec()
}

#[test]
fn a_copy_comes_by_itself_and_follows_the_actor() {
    let mut cx = world();
    say(&cx, "one");
    assert_eq!(cx.shared::<Pool>("p").err(), Some(SharedError::NotYet { why: None }));
    cx.run_ready();
    assert_eq!(words(&cx), ["one"]);
    say(&cx, "two");
    assert_eq!(words(&cx), ["one"], "a read calls nobody");
    cx.advance(MAX_AGE / 2);
    let copy = cx.shared::<Pool>("p").expect("a copy");
    assert_eq!(
        (copy.to_vec(), copy.age()),
        (vec!["one".to_owned(), "two".to_owned()], Duration::ZERO)
    );
}

#[test]
fn one_refresh_serves_all_readers_and_ends_with_them() {
    let mut cx = world();
    for _ in 0..100 {
        drop(cx.shared::<Pool>("p"));
    }
    cx.run_ready();
    assert_eq!(cx.state::<Pool>("p").looks, 1);
    for _ in 0..10 {
        cx.advance(MAX_AGE / 2);
        drop(cx.shared::<Pool>("p"));
    }
    assert_eq!(cx.state::<Pool>("p").looks, 11);
    cx.advance(MAX_AGE * 100);
    assert!(cx.state::<Pool>("p").looks <= 32, "nobody reads it, nobody refreshes it");
    assert_eq!(cx.shared::<Pool>("p").err(), Some(SharedError::NotYet { why: None }));
    cx.run_ready();
    assert!(cx.shared::<Pool>("p").is_ok(), "it begins anew");
}

#[test]
fn what_cannot_be_refreshed_stays_until_it_is_too_old_and_says_why() {
    let mut cx = world();
    say(&cx, "one");
    drop(cx.shared::<Pool>("p"));
    cx.run_ready();
    cx.block_on(cx.actor::<Pool>("p").leave(true)).expect("it is told");
    cx.advance(MAX_AGE);
    let copy = cx.shared::<Pool>("p").expect("it is old enough");
    assert_eq!((copy.to_vec(), copy.age()), (vec!["one".to_owned()], MAX_AGE));
    cx.advance(Duration::from_millis(1));
    match cx.shared::<Pool>("p") {
        Err(SharedError::Stale { age, max_age, why: Some(why) }) => {
            assert_eq!((age, max_age), (MAX_AGE + Duration::from_millis(1), MAX_AGE));
            assert!(why.to_string().contains("away"), "{why}");
        }
        other => panic!("it is too old: {other:?}"),
    }
    cx.block_on(cx.actor::<Pool>("p").leave(false)).expect("it is told");
    cx.advance(MAX_AGE / 4);
    assert_eq!(words(&cx), ["one"]);
}

#[test]
fn past_the_bound_the_copy_leaves_that_was_read_longest_ago() {
    let mut cx = world();
    let name = |number: usize| format!("p{number}");
    for number in 0..SHARED_COPIES_MAX {
        drop(cx.shared::<Pool>(name(number)));
    }
    cx.run_ready();
    cx.advance(MAX_AGE / 2);
    for number in (0..SHARED_COPIES_MAX).filter(|number| *number != 7) {
        assert!(cx.shared::<Pool>(name(number)).is_ok());
    }
    drop(cx.shared::<Pool>("one more"));
    cx.run_ready();
    assert!(cx.shared::<Pool>(name(6)).is_ok() && cx.shared::<Pool>("one more").is_ok());
    let gone = cx.shared::<Pool>(name(7)).err();
    assert_eq!(gone, Some(SharedError::NotYet { why: None }));
}

#[test]
fn a_test_sets_a_copy_and_lets_it_grow_old() {
    let mut cx = TestContext::<Reader>::new("r");
    cx.set_shared::<Pool>("p", vec!["set".to_owned()]);
    assert_eq!(words(&cx), ["set"]);
    cx.advance(MAX_AGE * 2);
    let stale = SharedError::Stale { age: MAX_AGE * 2, max_age: MAX_AGE, why: None };
    assert_eq!(cx.shared::<Pool>("p").err(), Some(stale));
    assert!(matches!(cx.shared::<Pool>("").err(), Some(SharedError::Key(_))));
}

#[test]
fn a_node_keeps_copies() {
    let node = Node::builder().actor::<Pool>().actor::<Reader>().store_in_memory();
    let node = wait_for(node.start()).expect("a node");
    wait_for(async {
        node.actor::<Pool>("p").say("one".to_owned()).await.expect("it is said");
        let until = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            let read = node.actor::<Reader>("r").read("p".to_owned()).await.expect("it reads");
            if read == Some(vec!["one".to_owned()]) {
                break;
            }
            assert!(std::time::Instant::now() < until, "no copy came");
            tokio::task::yield_now().await;
        }
        node.stop(Duration::from_secs(10)).await.expect("it stops");
    });
}

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

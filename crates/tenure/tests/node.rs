//! One real node: its threads, its embedded store, its ends.

use std::sync::Arc;
use std::time::Duration;

use tenure::config::{ClusterSettings, MembershipKind, Seed, Settings, SplitBrainRule};
use tenure::prelude::*;
use tenure::{CallErrorCode, Outcome};

const BUDGET: Duration = Duration::from_secs(10);

/// A durable sum.
#[tenure::data]
#[derive(Default)]
pub struct Sum {
    value: i64,
}

#[actor]
impl Sum {
    /// Adds.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// Reads.
    pub fn get(&self) -> i64 {
        self.value
    }

    /// Panics half-way.
    pub fn add_and_panic(&mut self, by: i64) {
        self.value += by;
        panic!("half-way through {by}");
    }

    /// Adds to another one, once it has waited.
    pub async fn add_to(&mut self, cx: &mut Context<Self>, other: String, by: i64) -> i64 {
        cx.sleep(Duration::from_millis(1)).await;
        let there = cx.actor::<Sum>(other).add(by).await;
        self.value += by;
        there.unwrap_or(-1)
    }

    /// Calls itself through another one.
    pub async fn ring(&mut self, cx: &mut Context<Self>, over: String) -> String {
        let back = cx.key().to_string();
        let called = cx.actor::<Sum>(over).ring_back(back).await;
        called.unwrap_or_else(|error| error.to_string())
    }

    /// The way back of `ring`.
    pub async fn ring_back(&mut self, cx: &mut Context<Self>, to: String) -> String {
        let called = cx.actor::<Sum>(to).get().await;
        called.map_or_else(|error| error.to_string(), |value| value.to_string())
    }
}

#[test]
fn a_type_that_is_registered_twice_is_named() {
    let builder = Node::builder().actor::<Sum>().actor::<Sum>().store_in_memory();
    let starting = tokio::runtime::Runtime::new().expect("threads").block_on(builder.start());
    let Err(error) = starting else { panic!("it does not start") };
    let error = error.to_string();
    assert!(error.contains("the actor type `sum` (node::Sum) is registered twice"), "{error}");
}

#[tokio::test]
async fn a_node_that_should_be_one_of_several_is_not_started_alone() {
    type Set = fn(&mut ClusterSettings);
    let sets: [Set; 5] = [
        |it| it.membership = MembershipKind::Gossip,
        |it| it.membership = MembershipKind::Static,
        |it| it.nodes = vec![("n1".to_owned(), "10.0.0.1:7072".to_owned())],
        |it| it.seeds = vec![Seed::At("10.0.0.1:7072".to_owned())],
        |it| it.split_brain = SplitBrainRule::KeepMajority,
    ];
    for set in sets {
        let mut settings = Settings::default();
        set(&mut settings.cluster);
        let builder = Node::builder().actor::<Sum>().store_in_memory().settings(settings);
        let error = builder.start().await.expect_err("it does not start").to_string();
        assert!(error.contains("say where it does (cluster.listen = 10.0.0.1:7072)"), "{error}");
    }
}

/// A sum that lives in memory.
#[derive(Default)]
pub struct Tally {
    value: u64,
}

#[actor(persist = volatile)]
impl Tally {
    /// Adds one.
    pub fn count(&mut self) -> u64 {
        self.value += 1;
        self.value
    }

    /// Leaves memory.
    pub fn leave(&mut self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

/// A sum whose replies do not wait for the store.
#[tenure::data]
#[derive(Default)]
pub struct Late {
    value: i64,
}

#[actor(persist = write_behind(max_delay = "10s"))]
impl Late {
    /// Adds.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }
}

#[tokio::test]
async fn a_node_tells_what_is_unsaved_and_whom_everybody_calls() {
    let builder = Node::builder().actor::<Late>().actor::<Tally>().store_in_memory();
    let node = builder.start().await.expect("a node");
    let idle = node.status();
    assert_eq!((idle.unsaved.actors, idle.busiest.len(), idle.memory_bytes), (0, 0, 0));
    assert_eq!(idle.cluster, None, "it is alone");
    assert_eq!(node.actor::<Late>("a").add(1).await, Ok(1));
    assert!(node.status().memory_bytes > 0);
    let unsaved = || node.status().unsaved;
    assert_eq!(unsaved().actors, 1);
    let young = unsaved().age_seconds;
    while unsaved().age_seconds == young {
        std::thread::yield_now();
    }
    for n in 0..20_000_u64 {
        node.actor::<Tally>(n).count().await.expect("it answers");
        node.actor::<Tally>("hot").count().await.expect("it answers");
    }
    let busiest = node.status().busiest;
    let [hot] = &busiest[..] else { panic!("one is busy: {busiest:?}") };
    assert_eq!((&*hot.type_name, &*hot.key), ("tally", "hot"));
    assert!(hot.calls_per_second > 100.0, "{hot:?}");
    node.stop(BUDGET).await.expect("an orderly stop");
}

async fn node_in(folder: &std::path::Path) -> Node {
    let node = Node::builder().actor::<Sum>().actor::<Tally>().store_in(folder).start().await;
    node.expect("the node starts")
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_stop_and_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_in(folder.path()).await;
    assert_eq!(node.actor::<Sum>("a").add(5).await, Ok(5));
    let first = node.incarnation();
    assert_eq!(node.stop(BUDGET).await.expect("an orderly stop"), 0);

    let node = node_in(folder.path()).await;
    assert!(node.incarnation() > first);
    assert_eq!(node.actor::<Sum>("a").get().await, Ok(5));
    assert_eq!(node.actor::<Sum>("a").add(1).await, Ok(6));
    assert_eq!(node.actor::<Sum>("never").get().await, Ok(0));
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test]
async fn a_stopped_node_refuses_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_in(folder.path()).await;
    let kept = node.actor::<Sum>("a");
    node.stop(BUDGET).await.expect("an orderly stop");
    let error = kept.add(1).await.expect_err("the node has stopped");
    assert_eq!(error.code(), CallErrorCode::Unavailable);
    assert_eq!(error.outcome(), Outcome::NotExecuted);
}

#[tokio::test]
async fn a_second_node_on_the_same_folder_is_told_who_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_in(folder.path()).await;
    let second = Node::builder().actor::<Sum>().store_in(folder.path()).start().await;
    let error = second.expect_err("the folder is taken").to_string();
    assert!(error.contains("open in another process"), "{error}");
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test]
async fn a_panic_discards_the_turn_and_nothing_else() {
    let node = Node::builder().actor::<Sum>().store_in_memory().start().await.expect("a node");
    let sum = node.actor::<Sum>("a");
    assert_eq!(sum.add(5).await, Ok(5));
    let error = sum.add_and_panic(100).await.expect_err("it panics");
    assert_eq!(error.code(), CallErrorCode::Panicked);
    assert!(error.to_string().contains("half-way through 100"), "{error}");
    assert_eq!(sum.get().await, Ok(5));
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test]
async fn actors_call_each_other_and_cycles_are_named() {
    let node = Node::builder().actor::<Sum>().store_in_memory().start().await.expect("a node");
    assert_eq!(node.actor::<Sum>("a").add_to("b".to_owned(), 3).await, Ok(3));
    assert_eq!(node.actor::<Sum>("b").get().await, Ok(3));
    let said = node.actor::<Sum>("a").ring("b".to_owned()).await.expect("it answers");
    assert_eq!(said, "the call would wait for itself: sum/a > sum/b > sum/a");
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test]
async fn bad_keys_and_unregistered_types_are_told_by_the_call() {
    let node = Node::builder().actor::<Tally>().store_in_memory().start().await.expect("a node");
    let error = node.actor::<Tally>("").count().await.expect_err("no key");
    assert_eq!(error.code(), CallErrorCode::BadRequest);
    let error = node.actor::<Sum>("a").get().await.expect_err("not registered");
    assert_eq!(error.code(), CallErrorCode::NotFound);
    assert!(error.to_string().contains("`sum`"), "{error}");
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test]
async fn a_volatile_actor_forgets_when_it_leaves() {
    let node = Node::builder().actor::<Tally>().store_in_memory().start().await.expect("a node");
    let tally = node.actor::<Tally>(7);
    assert_eq!(tally.count().await, Ok(1));
    assert_eq!(tally.count().await, Ok(2));
    tally.leave().await.expect("it leaves");
    assert_eq!(tally.count().await, Ok(1));
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_on_few_actors_lose_no_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = node_in(folder.path()).await;
    let callers: Vec<_> = (0..32)
        .map(|caller| {
            let node = node.clone();
            tokio::spawn(async move {
                for call in 0..50 {
                    let sum = node.actor::<Sum>((caller + call) % 4);
                    match call % 3 {
                        0 => drop(sum.add_to("total".to_owned(), 1).await.expect("it adds")),
                        _ => drop(sum.add(1).await.expect("it adds")),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    let mut total = 0;
    for key in 0..4 {
        total += node.actor::<Sum>(key).get().await.expect("it answers");
    }
    assert_eq!(total, 32 * 50);
    assert_eq!(node.actor::<Sum>("total").get().await, Ok(32 * 17));
    node.stop(BUDGET).await.expect("an orderly stop");
}

#[test]
fn a_node_serves_callers_that_have_no_async_runtime() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn wait<T>(future: impl IntoFuture<Output = T>) -> T {
        let waker = Arc::new(Unpark(std::thread::current())).into();
        let mut cx = std::task::Context::from_waker(&waker);
        let mut future = std::pin::pin!(future.into_future());
        loop {
            match future.as_mut().poll(&mut cx) {
                std::task::Poll::Ready(value) => return value,
                std::task::Poll::Pending => std::thread::park(),
            }
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let node = wait(node_in(folder.path()));
    assert_eq!(wait(node.actor::<Sum>("a").add_to("b".to_owned(), 4)), Ok(4));
    assert_eq!(wait(node.actor::<Sum>("a").get()), Ok(4));
    wait(node.stop(BUDGET)).expect("an orderly stop");
}

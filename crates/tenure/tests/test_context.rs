//! Actors tested without a node.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use tenure::prelude::*;
use tenure::{CallErrorCode, Outcome, TestContext};

/// Somebody with an account.
#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct User {
    name: String,
    spent: u32,
}

#[actor]
impl User {
    pub fn spend(&mut self, amount: u32) -> u32 {
        self.spent += amount;
        self.spent
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub async fn slowly(&self, cx: &Context<Self>, millis: u64) -> u32 {
        cx.sleep(Duration::from_millis(millis)).await;
        self.spent
    }

    pub async fn ask_back(&mut self, cx: &mut Context<Self>) -> Result<u32, AskError> {
        Ok(cx.actor::<Cart>("alice").total().await?)
    }

    pub fn leave(&self, cx: &mut Context<Self>) {
        cx.deactivate();
    }
}

/// Why an answer did not come.
#[tenure::error]
#[derive(PartialEq)]
pub enum AskError {
    /// The call failed.
    #[problem(status = 424, "the other actor did not answer: {0}")]
    Call(String),
}

impl<E: std::fmt::Display> From<CallError<E>> for AskError {
    fn from(error: CallError<E>) -> Self {
        AskError::Call(error.to_string())
    }
}

#[tenure::data]
#[derive(Debug, Default, PartialEq)]
struct Cart {
    total: u32,
    log: Vec<String>,
}

#[actor]
impl Cart {
    pub fn total(&self) -> u32 {
        self.total
    }

    pub fn note(&mut self, line: String) {
        self.log.push(line);
    }

    pub async fn check_out(&mut self, cx: &mut Context<Self>) -> Result<u32, AskError> {
        let user = cx.actor::<User>("bob");
        let spent = user.spend(self.total).await?;
        self.log.push(user.name().await?);
        self.total = 0;
        Ok(spent)
    }

    pub async fn ask_in_a_circle(&mut self, cx: &mut Context<Self>) -> Result<u32, AskError> {
        Ok(cx.actor::<User>("bob").ask_back().await?)
    }

    pub async fn wait_for_bob(&mut self, cx: &mut Context<Self>) -> Result<u32, AskError> {
        Ok(cx.actor::<User>("bob").slowly(500).await?)
    }

    pub async fn tell(&mut self, cx: &mut Context<Self>) -> Result<(), AskError> {
        cx.actor::<User>("bob").spend(1).send().await?;
        cx.actor::<Cart>(cx.key()).note("later".to_owned()).send().await?;
        Ok(())
    }

    pub fn leave(&mut self, cx: &mut Context<Self>) -> u128 {
        cx.deactivate();
        cx.time_left().as_millis()
    }

    pub fn fail(&mut self) {
        self.total = 99;
        panic!("as it must");
    }
}

fn bob() -> User {
    User { name: "Bob".to_owned(), spent: 10 }
}

fn cart() -> Cart {
    Cart { total: 5, log: Vec::new() }
}

#[test]
fn calls_reach_registered_actors() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with_state("bob", bob());
    let mut cart = cart();
    let spent = cx.run(async |cx| cart.check_out(cx).await);
    assert_eq!(spent, Ok(15));
    assert_eq!(cart, Cart { total: 0, log: vec!["Bob".to_owned()] });
    assert_eq!(*cx.state::<User>("bob"), User { name: "Bob".to_owned(), spent: 15 });
    assert_eq!(cx.state::<User>("eve").spent, 0);
    assert_eq!(cx.block_on(cx.actor::<User>("eve").spend(2)), Ok(2));
}

#[test]
fn a_message_runs_as_a_node_would_run_it() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with::<User>();
    let mut cart = cart();
    assert_eq!(cx.call(&mut cart, CartTotal {}), Ok(5));
    assert_eq!(cx.call(&mut cart, CartCheckOut {}), Ok(5));
    assert_eq!(cx.call(&mut cart, CartWaitForBob {}), Ok(5));
    assert_eq!(cart.total, 0);
}

#[test]
fn an_unknown_type_says_how_to_make_it_known() {
    let mut cx = TestContext::<Cart>::new("alice");
    let error = cx.call(&mut cart(), CartCheckOut {}).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("no actor of type user in this test"), "{text}");
    assert!(text.contains("cx.with::<..>()"), "{text}");
}

#[test]
fn a_circle_is_told_with_its_path() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with::<User>();
    for text in [
        cx.call(&mut cart(), CartAskInACircle {}).unwrap_err().to_string(),
        cx.run(async |cx| cart().ask_in_a_circle(cx).await).unwrap_err().to_string(),
    ] {
        assert!(text.contains("cart/alice > user/bob > cart/alice"), "{text}");
    }
    let error = cx.block_on(cx.actor::<Cart>("alice").total()).unwrap_err();
    assert_eq!(error.code(), CallErrorCode::Cycle);
}

#[test]
fn time_passes_only_where_all_wait_for_it() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with::<User>();
    let start = cx.now();
    assert_eq!(cx.run(async |cx| cart().wait_for_bob(cx).await), Ok(0));
    assert_eq!(cx.now() - start, Duration::from_millis(500));
    cx.advance(Duration::from_secs(2));
    assert_eq!(cx.now() - start, Duration::from_millis(2_500));
    assert_eq!(cx.time_left(), Duration::from_millis(27_500));
    cx.set_deadline(Duration::from_millis(100));
    let error = cx.run(async |cx| cart().wait_for_bob(cx).await).unwrap_err();
    assert!(error.to_string().contains("the deadline passed"), "{error}");
    assert_eq!(cx.time_left(), Duration::ZERO);
    let call = cx.actor::<User>("bob").name().deadline(Duration::from_secs(1));
    let late = CallError::Deadline { outcome: Outcome::NotExecuted };
    assert_eq!(cx.block_on(call), Err(late));
}

/// Polls both until both are done.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut a_done, mut b_done) = (None, None);
    poll_fn(|task| {
        if a_done.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(task)
        {
            a_done = Some(output);
        }
        if b_done.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(task)
        {
            b_done = Some(output);
        }
        match (a_done.take(), b_done.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (a_done, b_done) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

#[test]
fn calls_of_one_actor_wait_for_each_other() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with_state("bob", bob());
    let start = cx.now();
    let replies = cx.run(async |cx| {
        let bob = cx.actor::<User>("bob");
        let first = async { (bob.slowly(200).await, cx.now() - start) };
        let second = async { (bob.spend(1).await, cx.now() - start) };
        both(first, second).await
    });
    let waited = Duration::from_millis(200);
    assert_eq!(replies, ((Ok(10), waited), (Ok(11), waited)));
}

#[test]
fn what_is_sent_runs_at_the_end() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with::<User>();
    let mut cart = cart();
    assert_eq!(cx.run(async |cx| cart.tell(cx).await), Ok(()));
    assert_eq!(cx.state::<User>("bob").spent, 1);
    assert!(cart.log.is_empty());
    assert_eq!(cx.deliver(&mut cart), 1);
    assert_eq!(cart.log, ["later"]);
    assert_eq!(cx.deliver(&mut cart), 0);
    assert_eq!(cx.call(&mut cart, CartTell {}), Ok(()));
    assert_eq!(cart.log, ["later", "later"]);
}

#[test]
fn a_wish_to_leave_is_told() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with_state("bob", bob());
    assert!(!cx.deactivation_requested());
    assert_eq!(cart().leave(&mut cx), 30_000);
    assert!(cx.deactivation_requested());
    assert_eq!(cx.block_on(cx.actor::<User>("bob").leave()), Ok(()));
    assert_eq!(*cx.state::<User>("bob"), bob(), "a durable state comes back");
}

#[test]
fn a_key_that_is_none_is_told_by_the_call() {
    let cx = TestContext::<Cart>::new(1);
    let error = cx.block_on(cx.actor::<User>("").name()).unwrap_err();
    assert_eq!(error.code(), CallErrorCode::BadRequest);
    assert_eq!(cx.key().as_str(), "1");
    assert_eq!(format!("{cx:?}"), "TestContext(cart/1)");
}

#[test]
#[should_panic(expected = "as it must")]
fn a_panic_ends_the_test() {
    let mut cx = TestContext::<Cart>::new("alice");
    let _ = cx.call(&mut cart(), CartFail {});
}

#[test]
#[should_panic(expected = "nothing in its world can bring about")]
fn a_wait_for_nothing_ends_the_test() {
    let cx = TestContext::<Cart>::new("alice");
    cx.block_on(std::future::pending::<()>());
}

/// Cannot be read back: what is left out has no default.
#[tenure::data]
#[derive(Default)]
struct Broken {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
}

#[actor]
impl Broken {
    pub fn touch(&mut self) {}
}

#[test]
#[should_panic(expected = "the state of broken/x cannot be stored and read back: missing field")]
fn a_state_that_could_not_be_read_back_ends_the_test() {
    let mut cx = TestContext::<Broken>::new("x");
    let mut broken = Broken { list: vec![1] };
    assert_eq!(cx.call(&mut broken, BrokenTouch {}), Ok(()));
    broken.list.clear();
    let _ = cx.call(&mut broken, BrokenTouch {});
}

/// Waits on another executor than the context's own.
#[test]
fn outside_of_run_a_turn_that_waits_is_refused() {
    let mut cx = TestContext::<Cart>::new("alice");
    cx.with::<User>();
    let mut cart = cart();
    let waiting = pin!(cart.wait_for_bob(&mut cx));
    let mut task = TaskContext::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = waiting.poll(&mut task) else {
        panic!("it neither hangs nor succeeds");
    };
    assert!(error.to_string().contains("cx.run(async |cx| ..)"), "{error}");
}

/// Tells what happens to a feed.
#[tenure::data]
#[derive(Default)]
struct Teller {
    told: u32,
}

#[actor]
impl Teller {
    pub fn tell(&mut self, cx: &mut Context<Self>, what: String) {
        self.told += 1;
        cx.append("told", &(self.told, what));
        cx.append("counted", &self.told);
    }

    pub async fn pass_on(&mut self, cx: &mut Context<Self>) {
        let other = cx.actor::<Teller>("other");
        other.tell("b".to_owned()).await.expect("it is told");
    }

    pub fn misname(&mut self, cx: &mut Context<Self>) {
        cx.append("Not a name", &1);
    }
}

#[test]
fn what_was_appended_is_seen_feed_by_feed_and_once() {
    let (mut cx, mut teller) = (TestContext::<Teller>::new("a"), Teller::default());
    cx.with::<Teller>();
    teller.tell(&mut cx, "a".to_owned());
    cx.call(&mut teller, TellerTell { what: "c".to_owned() }).expect("it is told");
    assert_eq!(cx.appended::<(u32, String)>("told"), [(1, "a".to_owned()), (2, "c".to_owned())]);
    assert!(cx.appended::<(u32, String)>("told").is_empty());
    assert_eq!(cx.appended::<u32>("counted"), [1, 2]);
    cx.call(&mut teller, TellerPassOn {}).expect("it is passed on");
    assert_eq!(cx.appended_of::<Teller, (u32, String)>("other", "told"), [(1, "b".to_owned())]);
    assert!(cx.appended::<u32>("counted").is_empty());
}

#[test]
#[should_panic(expected = "the name of a feed has only")]
fn a_bad_name_of_a_feed_ends_the_test() {
    let (mut cx, mut teller) = (TestContext::<Teller>::new("a"), Teller::default());
    let _ = cx.call(&mut teller, TellerMisname {});
}

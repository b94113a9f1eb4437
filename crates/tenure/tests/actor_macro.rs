//! What `#[actor]` makes of a block of handlers.

use tenure::__private::{Access, Arguments, Exclusive, Shape, Shared};
use tenure::prelude::*;
use tenure::{Handler, Message};

/// How many times each thing happened.
#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: i64,
}

#[actor]
impl Counter {
    /// Adds `by` and tells the sum.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    pub fn get(&self) -> i64 {
        self.value
    }

    pub async fn wait(&self, cx: &Context<Self>, millis: u64, note: Option<String>) -> Option<Self> {
        cx.sleep(std::time::Duration::from_millis(millis)).await;
        let _ = note;
        None
    }

    pub fn check(&self, cx: &mut Context<Self>) -> Result<(), Refused> {
        cx.deactivate();
        Ok(())
    }
}

#[derive(Debug)]
pub struct Refused;
impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("no") }
}
impl tenure::AppError for Refused {
    fn code(&self) -> &str { "refused" }
    fn to_json(&self) -> String { "null".to_owned() }
}

#[test]
fn the_borrow_decides_the_access() {
    fn exclusive<A: Handler<M>, M: Message>() -> bool {
        <A::Access as Access>::EXCLUSIVE
    }
    assert!(exclusive::<Counter, CounterAdd>());
    assert!(!exclusive::<Counter, CounterGet>());
    assert_eq!(CounterAdd::SHAPE, Shape::One { name: "by", scalar: true });
}

//! A counter for each key.

use tenure::prelude::*;

/// How many times each thing happened.
#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: i64,
}

#[actor]
impl Counter {
    /// Borrows `&mut self`: a turn of its own, answered when its effect is durable.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// Borrows `&self`: runs beside other reads, and is a plain GET.
    pub fn get(&self) -> i64 {
        self.value
    }
}

fn main() -> tenure::Result<()> {
    tenure::app().actor::<Counter>().run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure::TestContext;

    #[test]
    fn what_is_added_is_there() {
        let mut cx = TestContext::<Counter>::new("42");
        let mut counter = Counter::default();
        assert_eq!(cx.call(&mut counter, CounterAdd { by: 5 }), Ok(5));
        assert_eq!(cx.call(&mut counter, CounterAdd { by: -2 }), Ok(3));
        assert_eq!(counter.get(), 3);
    }
}

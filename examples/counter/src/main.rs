//! A counter for each key: the smallest Tenure service.

use tenure::prelude::*;

/// How many times each thing happened.
#[tenure::data]
#[derive(Default)]
pub struct Counter { value: i64 }

#[actor]
impl Counter {
    pub fn add(&mut self, by: i64) -> i64 { self.value += by; self.value }
    pub fn get(&self) -> i64 { self.value }
}

fn main() -> tenure::Result<()> { tenure::app().actor::<Counter>().run() }

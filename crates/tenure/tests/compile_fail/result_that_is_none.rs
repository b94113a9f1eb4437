use tenure::prelude::*;

#[tenure::data]
pub struct Result;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn total(&self) -> Result {
        Result
    }
}

fn main() {}

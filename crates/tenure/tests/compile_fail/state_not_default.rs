use tenure::prelude::*;

#[tenure::data]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn total(&self) -> u32 {
        self.total
    }
}

fn main() {}

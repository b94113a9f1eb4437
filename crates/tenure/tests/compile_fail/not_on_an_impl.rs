use tenure::prelude::*;

#[actor]
pub struct Cart {
    total: u32,
}

#[actor]
fn total() -> u32 {
    0
}

fn main() {
    total();
}

use tenure::prelude::*;

#[derive(Default)]
pub struct Cart<T> {
    total: T,
}

#[actor]
impl<T: Copy> Cart<T> {
    pub fn total(&self) -> T {
        self.total
    }
}

#[actor]
impl Cart<u32> {
    pub fn sum(&self) -> u32 {
        self.total
    }
}

fn main() {}

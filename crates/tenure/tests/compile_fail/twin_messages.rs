use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn add_one(&mut self) {}

    pub fn add__one(&mut self) {}
}

fn main() {}

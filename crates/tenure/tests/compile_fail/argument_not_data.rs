use tenure::prelude::*;

pub struct Line;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn add(&mut self, _line: Line) {}
}

fn main() {}

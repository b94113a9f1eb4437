use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub unsafe fn dangerous(&mut self) {}

    pub extern "C" fn foreign(&mut self) {}
}

fn main() {}

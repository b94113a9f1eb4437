use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn into_total(self) -> u32 {
        self.total
    }

    pub fn boxed(self: Box<Self>) {}
}

fn main() {}

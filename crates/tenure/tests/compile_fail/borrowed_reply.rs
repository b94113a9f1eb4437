use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn total(&self) -> &u32 {
        &self.total
    }

    pub fn name(&self) -> Option<&str> {
        None
    }
}

fn main() {}

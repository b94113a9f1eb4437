use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn new() -> Self {
        Self { total: 0 }
    }

    fn total(&self) -> u32 {
        self.total
    }
}

fn main() {
    Cart::new().total();
}

use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

trait Total {
    fn total(&self) -> u32;
}

#[actor]
impl Total for Cart {
    fn total(&self) -> u32 {
        self.total
    }
}

fn main() {
    Cart::default().total();
}

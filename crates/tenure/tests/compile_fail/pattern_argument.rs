use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn pair(&mut self, (a, b): (u32, u32)) {
        self.total = a + b;
    }

    pub fn nameless(&mut self, _: u32) {}

    pub fn attribute(&mut self, #[cfg(any())] _by: u32) {}
}

fn main() {}

use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn add(&mut self, by: impl Into<u32>) {
        self.total += by.into();
    }

    pub fn all(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.total)
    }
}

fn main() {}

use tenure::prelude::*;

#[tenure::error]
pub enum Refused {
    Empty,
}

type Fallible<T> = Result<T, Refused>;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn total(&self) -> Fallible<u32> {
        Ok(self.total)
    }
}

fn main() {}

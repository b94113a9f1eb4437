use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn add<T: Into<u32>>(&mut self, by: T) {
        self.total += by.into();
    }

    pub fn where_clause(&self)
    where
        Self: Sized,
    {
    }

    pub fn lifetime<'a>(&'a self) {}
}

fn main() {}

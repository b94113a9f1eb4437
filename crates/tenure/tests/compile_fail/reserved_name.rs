use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn events(&self) {}

    pub fn send(&self) {}

    pub fn key(&self) {}

    pub fn clone(&self) {}

    pub fn r#ref(&self) {}

    pub fn _hidden(&self) {}
}

fn main() {}

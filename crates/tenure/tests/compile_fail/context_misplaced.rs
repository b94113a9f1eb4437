use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn after(&mut self, _by: u32, _cx: &mut Context<Self>) {}

    pub fn owned(&mut self, _cx: Context<Self>) {}

    pub fn twice(&self, _cx: &Context<Self>, _other: &Context<Cart>) {}
}

fn main() {}

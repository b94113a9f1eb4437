use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn add(&mut self, by: u32) -> u32 {
        self.total += by;
        self.total
    }

    pub fn get(&self) -> u32 {
        self.total
    }
}

pub struct Plain;

#[tenure::data]
#[derive(Default)]
pub struct Other;

#[actor]
impl Other {
    pub fn get(&self) {}
}

async fn calls(cx: &Context<Cart>) {
    let cart = cx.actor::<Cart>("alice");
    let _ = cart.add("five").await;
    let _ = cart.remove(5).await;
    let _ = cart.as_ref().call(OtherGet {}).await;
    let _ = cx.actor::<Plain>("x");
}

fn main() {}

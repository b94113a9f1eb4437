use std::time::Duration;
use tenure::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Lost;

#[actor(persist = volatile)]
impl Lost {
    pub fn start(&mut self, cx: &mut Context<Self>) {
        cx.remind("tick", SECOND, LostTick {});
        cx.every(SECOND, LostTick {});
    }

    #[handler]
    fn tick(&mut self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Kept;

#[actor]
impl Kept {
    pub fn start(&mut self, cx: &mut Context<Self>) {
        cx.every(SECOND, LostTick {});
    }

    pub fn read(&self, cx: &Context<Self>) {
        cx.cancel_reminder("tick");
    }

    pub fn work(&mut self, cx: &mut Context<Self>) {
        cx.spawn(async { 1 }, |done| done);
    }
}

fn main() {}

use tenure::prelude::*;

pub enum NoData {
    Once,
}

#[tenure::data]
pub enum Happened {
    Once,
}

#[tenure::data]
#[derive(Default)]
pub struct A;

#[actor(events = NoData)]
impl A {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct B(u32);

#[actor(persist = event_sourced, events = Happened)]
impl B {
    fn apply(&mut self, _event: &String) {}

    pub fn publish(&self, cx: &mut Context<Self>) {
        cx.emit(Happened::Once);
    }

    pub fn change(&self, cx: &mut Context<Self>) {
        cx.record("once");
    }

    pub fn cheat(&self, _cx: &mut Context<Self>) {
        self.0 = 1;
    }
}

#[tenure::data]
#[derive(Default)]
pub struct C(u32);

#[actor]
impl C {
    pub fn publish(&mut self, cx: &mut Context<Self>) {
        cx.emit(Happened::Once);
    }
}

#[tenure::data]
#[derive(Default)]
pub struct D(u32);

#[actor(events = Happened)]
impl D {
    pub fn record(&mut self, cx: &mut Context<Self>) {
        cx.record(Happened::Once);
    }

    pub fn read(&self, cx: &Context<Self>) {
        cx.emit(Happened::Once);
    }
}

fn main() {}

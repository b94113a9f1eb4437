use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct A;

#[actor(persist = write_behind(delay = "50ms"))]
impl A {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct B;

#[actor(persist = write_behind(max_delay = 50))]
impl B {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct C;

#[actor(persist = write_behind(max_delay = "50 ms"))]
impl C {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct D;

#[actor(persist = write_through(max_delay = "50ms"))]
impl D {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct E;

#[tenure::data]
pub enum Happened {}

#[actor(persist = event_sourced(snapshot_every = 0), events = Happened)]
impl E {
    fn apply(&mut self, _: &Happened) {}

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct F;

#[actor(persist = event_sourced(snapshot_every = 9, max_delay = "1s"), events = Happened)]
impl F {
    fn apply(&mut self, _: &Happened) {}

    pub fn get(&self) {}
}

fn main() {}

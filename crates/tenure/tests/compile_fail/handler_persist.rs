use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Durable;

#[actor]
impl Durable {
    #[handler(persist = write_through)]
    pub fn add(&mut self) {}

    #[handler(persist = volatile)]
    pub fn hurry(&mut self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Sourced;

#[tenure::data]
pub enum Happened {}

#[actor(persist = event_sourced, events = Happened)]
impl Sourced {
    fn apply(&mut self, _: &Happened) {}

    #[handler(persist = write_through)]
    pub fn add(&self) {}
}

#[derive(Default)]
pub struct Lost;

#[actor(persist = volatile)]
impl Lost {
    #[handler(persist = write_through)]
    pub fn add(&mut self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Behind;

#[actor(persist = write_behind)]
impl Behind {
    #[handler(persist = write_behind(max_delay = "10ms"))]
    pub fn sooner(&mut self) {}

    #[handler(persist = event_sourced)]
    pub fn otherwise(&mut self) {}

    #[handler(persist = "write_through")]
    pub fn quoted(&mut self) {}
}

fn main() {}

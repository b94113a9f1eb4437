use tenure::prelude::*;

#[tenure::data]
pub enum Happened {
    Once,
}

#[tenure::data]
#[derive(Default)]
pub struct NoEvents;

#[actor(persist = event_sourced)]
impl NoEvents {
    fn apply(&mut self, _event: &Happened) {}

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct NoApply;

#[actor(persist = event_sourced, events = Happened)]
impl NoApply {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct ByValue;

#[actor(persist = event_sourced, events = Happened)]
impl ByValue {
    fn apply(&mut self, _event: Happened) -> bool {
        true
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Changes {
    value: u32,
}

#[actor(persist = event_sourced, events = Happened)]
impl Changes {
    fn apply(&mut self, _event: &Happened) {}

    pub fn set(&mut self, value: u32) {
        self.value = value;
    }

    #[activate]
    fn wake(&mut self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Marked;

#[actor(persist = event_sourced, events = Happened)]
impl Marked {
    #[handler]
    fn apply(&mut self, _event: &Happened) {}

    pub fn get(&self) {}
}

fn main() {}

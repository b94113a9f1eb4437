use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Room;

#[actor]
impl Room {
    #[activate]
    fn open(&mut self, _cx: &mut Context<Self>, _door: u32) {}

    #[deactivate]
    fn close(&mut self) -> Result<(), String> {
        Ok(())
    }

    #[activate(now)]
    fn at_once(&mut self) {}

    #[deactivate]
    fn look(&self, _cx: &Context<Self>) {}

    #[activate]
    fn new() -> Self {
        Self
    }

    #[activate]
    #[handler]
    fn both(&mut self) {}

    #[activate]
    fn first(&mut self) {}

    #[activate]
    fn second(&mut self) {}

    #[deactivate]
    const LAST: u32 = 1;

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Alone;

#[actor]
impl Alone {
    #[activate]
    pub fn wake(&mut self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Door;

#[actor]
impl Door {
    #[activate]
    pub fn swing_open(&mut self) {}

    pub fn shut(&mut self) {}
}

fn call(cx: &Context<Room>) {
    let door = cx.actor::<Door>("d");
    let _ = door.shut();
    let _ = door.swing_open();
}

fn main() {}

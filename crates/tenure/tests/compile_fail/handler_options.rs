use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    #[handler(secret)]
    pub fn hide(&mut self) {}

    #[handler]
    #[handler(internal)]
    pub fn twice(&mut self) {}

    #[handler]
    fn new() -> Self {
        Self { total: 0 }
    }

    #[handler]
    const LIMIT: u32 = 3;

    pub fn good(&self) -> u32 {
        self.total
    }
}

fn main() {}

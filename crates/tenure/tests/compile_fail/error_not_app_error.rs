use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn text(&self) -> Result<u32, String> {
        Ok(self.total)
    }

    pub fn other(&self) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}

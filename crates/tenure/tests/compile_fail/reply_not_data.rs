use tenure::prelude::*;

pub struct Line;

#[tenure::error]
pub enum Refused {
    Empty,
}

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn last(&self) -> Line {
        Line
    }

    pub fn first(&self) -> Result<Line, Refused> {
        Ok(Line)
    }
}

fn main() {}

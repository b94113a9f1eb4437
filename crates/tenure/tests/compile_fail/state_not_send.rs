use tenure::prelude::*;

#[derive(Default)]
pub struct Cart {
    lines: std::rc::Rc<Vec<u32>>,
}

#[actor(persist = volatile)]
impl Cart {
    pub fn total(&self) -> u32 {
        self.lines.iter().sum()
    }
}

fn main() {}

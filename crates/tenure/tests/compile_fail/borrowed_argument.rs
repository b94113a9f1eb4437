use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub fn text(&mut self, _text: &str) {}

    pub fn bytes(&mut self, _bytes: Option<&[u8]>) {}

    pub fn other(&mut self, _other: &mut Cart) {}

    pub fn cow(&mut self, _text: std::borrow::Cow<'_, str>) {}
}

fn main() {}

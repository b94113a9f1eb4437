use tenure::prelude::*;

#[tenure::data]
pub struct V1(u32);

#[tenure::data]
pub struct V2(u32);

pub struct NoData;

#[tenure::data]
#[derive(Default)]
pub struct Crossed;

#[actor(schema = 3)]
impl Crossed {
    #[upgrade(from = 1)]
    fn upgrade_1(old: V1) -> V2 {
        V2(old.0)
    }

    #[upgrade(from = 2)]
    fn upgrade_2(_: V1) -> Self {
        Self
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Unread;

#[actor(schema = 2)]
impl Unread {
    #[upgrade(from = 1)]
    fn upgrade_1(_: NoData) -> Self {
        Self
    }

    pub fn get(&self) {}
}

fn main() {}

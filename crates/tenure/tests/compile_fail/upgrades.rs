use tenure::prelude::*;

#[tenure::data]
pub struct V1(u32);

#[tenure::data]
pub struct V2(u32);

#[tenure::data]
#[derive(Default)]
pub struct Gap;

#[actor(schema = 4)]
impl Gap {
    #[upgrade(from = 1)]
    fn upgrade_1(old: V1) -> V2 {
        V2(old.0)
    }

    #[upgrade(from = 3)]
    fn upgrade_3(_: V2) -> Self {
        Self
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Ends;

#[actor(schema = 2)]
impl Ends {
    #[upgrade(from = 1)]
    fn upgrade_1(old: V1) -> V2 {
        V2(old.0)
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Forgot;

#[actor]
impl Forgot {
    #[upgrade(from = 1)]
    fn upgrade_1(_: V1) -> Self {
        Self
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Twice;

#[actor(schema = 2)]
impl Twice {
    #[upgrade(from = 1)]
    fn upgrade_1(_: V1) -> Self {
        Self
    }

    #[upgrade(from = 1)]
    fn upgrade_again(_: V2) -> Self {
        Self
    }

    pub fn get(&self) {}
}

#[derive(Default)]
pub struct Kept;

#[actor(persist = volatile, schema = 2)]
impl Kept {
    #[upgrade(from = 1)]
    fn upgrade_1(_: V1) -> Self {
        Self
    }

    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Shapes;

#[actor(schema = 9)]
impl Shapes {
    #[upgrade]
    fn upgrade_1(_: V1) -> Self {
        Self
    }

    #[upgrade(to = 2)]
    fn upgrade_2(_: V1) -> Self {
        Self
    }

    #[upgrade(from = 0)]
    fn upgrade_3(_: V1) -> Self {
        Self
    }

    #[upgrade(from = 1)]
    fn upgrade_4(&self) -> Self {
        Self
    }

    #[upgrade(from = 1)]
    fn upgrade_5(_: &V1) -> Self {
        Self
    }

    #[upgrade(from = 1)]
    fn upgrade_6(_: V1) -> Result<Self, String> {
        Ok(Self)
    }

    #[upgrade(from = 1)]
    #[cfg(all())]
    fn upgrade_7(_: V1) -> Self {
        Self
    }

    pub fn get(&self) {}
}

fn main() {}

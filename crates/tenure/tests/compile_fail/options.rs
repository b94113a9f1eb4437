use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct A;

#[actor(persist = "volatile")]
impl A {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct B;

#[actor(persist = volatile, persist = write_behind)]
impl B {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct C;

#[actor(events = "CartEvent")]
impl C {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct D;

#[actor(persist = sometimes)]
impl D {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct E;

#[actor(name = "Cart")]
impl E {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct F;

#[actor(idle_after = "10 minutes")]
impl F {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct G;

#[actor(mailbox = 0)]
impl G {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct H;

#[actor(keep = true)]
impl H {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct I;

#[actor(schema = 1, schema = 2)]
impl I {
    pub fn get(&self) {}
}

#[tenure::data]
#[derive(Default)]
pub struct Größe;

#[actor(persist = volatile)]
impl Größe {
    pub fn get(&self) {}
}

fn main() {}

#[tenure::data]
pub union Bits {
    whole: u32,
    float: f32,
}

#[tenure::data]
pub fn function() {}

#[tenure::data(positional)]
pub struct Options;

#[tenure::data]
#[derive(Debug, serde::Serialize)]
pub struct Twice;

fn main() {}

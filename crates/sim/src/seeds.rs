use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Set this variable to a number to make every campaign of seeds so many times longer.
const FACTOR_VARIABLE: &str = "TENURE_SIM_FACTOR";
/// Set this variable to a seed, decimal or `0x..`, to run that one alone.
const SEED_VARIABLE: &str = "TENURE_SIM_SEED";

/// How many times longer than usual campaigns shall be.
#[must_use]
pub fn long_run_factor() -> u64 {
    let factor = std::env::var(FACTOR_VARIABLE).ok();
    factor.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs `test` with the seeds from 1 to `seeds`, more of them in long campaigns.
///
/// # Panics
/// If the test does, with the seed and how to run it again.
pub fn each_seed(seeds: u64, mut test: impl FnMut(u64)) {
    if let Some(seed) = std::env::var(SEED_VARIABLE).ok().and_then(|text| parse(&text)) {
        return test(seed);
    }
    for seed in 1..=seeds * long_run_factor() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            match text_of(&*panic) {
                Some(text) => panic!("{text}\nrun it again with {SEED_VARIABLE}={seed:#x}"),
                None => resume_unwind(panic),
            }
        }
    }
}

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
}

use tenure_types::Tenure;

const SEQUENCE_BITS: u32 = 36;

/// The highest view that a grant can be of: a view a second for eight years.
pub const TENURE_VIEW_MAX: u64 = (1 << (64 - SEQUENCE_BITS)) - 1;
/// The highest sequence of a grant: a million grants a second in one slot and view for 19 hours.
pub const TENURE_SEQUENCE_MAX: u64 = (1 << SEQUENCE_BITS) - 1;

/// A tenure as an activation keeps it; `None` where it is out of bounds, or of no view.
pub(crate) fn pack(tenure: Tenure) -> Option<u64> {
    let Tenure { view, sequence } = tenure;
    let fits = (1..=TENURE_VIEW_MAX).contains(&view) && sequence <= TENURE_SEQUENCE_MAX;
    fits.then_some(view << SEQUENCE_BITS | sequence)
}

pub(crate) fn unpack(right: u64) -> Tenure {
    Tenure { view: right >> SEQUENCE_BITS, sequence: right & TENURE_SEQUENCE_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenure_comes_back_and_one_out_of_bounds_is_none() {
        let tenure = |view, sequence| Tenure { view, sequence };
        for (it, fits) in [
            (tenure(1, 0), true),
            (tenure(7, 1), true),
            (tenure(TENURE_VIEW_MAX, TENURE_SEQUENCE_MAX), true),
            (tenure(0, 1), false),
            (tenure(TENURE_VIEW_MAX + 1, 1), false),
            (tenure(1, TENURE_SEQUENCE_MAX + 1), false),
        ] {
            assert_eq!(pack(it).map(unpack), fits.then_some(it), "{it}");
        }
    }
}

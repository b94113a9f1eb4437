//! Spearman's correlation of ranks (1904); equal values share the mean of their ranks.

/// How alike two orders are: 1 the same, 0 nothing alike, -1 reversed. `None` where there is no order.
pub(crate) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let one = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let other = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let spread = (product(&one, &one) * product(&other, &other)).sqrt();
    (spread > 0.0).then(|| product(&one, &other) / spread)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    for equal in order.chunk_by(|one, other| values[*one] == values[*other]) {
        let first = order.partition_point(|it| values[*it] < values[equal[0]]) as f64;
        equal.iter().for_each(|at| ranks[*at] = first + (equal.len() as f64 + 1.0) / 2.0);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_orders_have_known_correlations() {
        let of = |other: &[f64]| {
            let pairs: Vec<_> = (1..).map(f64::from).zip(other.iter().copied()).collect();
            spearman(&pairs)
        };
        assert_eq!(of(&[10.0, 20.0, 30.0]), Some(1.0));
        assert_eq!(of(&[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(of(&[7.0, 7.0, 7.0]), None);
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: the square root of 0.9.
        let tied = of(&[1.0, 2.0, 2.0, 3.0]).expect("an order");
        assert!((tied - 0.9_f64.sqrt()).abs() < 1e-12, "{tied}");
    }
}

//! Strengths from comparisons (Bradley and Terry 1952): an answer of strength a is preferred over one of
//! strength b with probability 1 / (1 + exp(b - a)).

/// An answer's strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strength {
    /// The most probable value; the mean answer has about zero.
    pub value: f64,
    /// Half the width of the interval that has the true one with a probability of 95 %.
    pub margin: f64,
    /// In how many comparisons the answer was.
    pub comparisons: u32,
}

/// How strengths spread before anything is known, as a standard deviation: it keeps an answer that was
/// never, or always, preferred from running away.
const PRIOR_SPREAD: f64 = 2.0;
/// The fit ends when no strength moves by more.
const STEP_SMALL: f64 = 1e-4;
const STEP_MAX: f64 = 1.0;
const ROUNDS_MAX: u32 = 200;
const NORMAL_95: f64 = 1.96;

/// The strengths of `count` answers from pairs (one, other, times one was preferred, times the other was).
///
/// Newton's method, one answer after the other, on the posterior with a normal prior. The margins take each
/// answer's own curvature, as if the others were known: they are a little small where few were compared.
#[must_use]
pub fn strengths(count: usize, pairs: &[(u32, u32, u32, u32)]) -> Vec<Strength> {
    let mut against: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); count];
    for (one, other, won, lost) in pairs {
        let (one, other) = (*one as usize, *other as usize);
        let (won, lost) = (f64::from(*won), f64::from(*lost));
        against[one].push((other, won, won + lost));
        against[other].push((one, lost, won + lost));
    }
    let mut values = vec![0.0; count];
    for _ in 0..ROUNDS_MAX {
        let mut largest: f64 = 0.0;
        for answer in 0..count {
            let (slope, curvature) = slope(&values, answer, &against[answer]);
            let step = (slope / curvature).clamp(-STEP_MAX, STEP_MAX);
            values[answer] += step;
            largest = largest.max(step.abs());
        }
        // At the best fit they sum to zero, as each pair pulls its two the same way apart. Only the weak prior
        // would bring them there, slowly.
        let mean = values.iter().sum::<f64>() / count.max(1) as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        if largest < STEP_SMALL {
            break;
        }
    }
    let strength = |answer: usize| {
        let (_, curvature) = slope(&values, answer, &against[answer]);
        let comparisons: f64 = against[answer].iter().map(|(_, _, times)| times).sum();
        Strength {
            value: values[answer],
            margin: NORMAL_95 / curvature.sqrt(),
            comparisons: comparisons as u32,
        }
    };
    (0..count).map(strength).collect()
}

/// The slope of the logarithm of the posterior in one answer's strength, and its negative curvature.
fn slope(values: &[f64], answer: usize, against: &[(usize, f64, f64)]) -> (f64, f64) {
    let prior = 1.0 / (PRIOR_SPREAD * PRIOR_SPREAD);
    let start = (-values[answer] * prior, prior);
    against.iter().fold(start, |(slope, curvature), (other, won, times)| {
        let chance = 1.0 / (1.0 + (values[*other] - values[answer]).exp());
        (slope + won - times * chance, curvature + times * chance * (1.0 - chance))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wins_more_is_stronger_and_what_is_compared_more_is_surer() {
        // Of three, the first wins three of four against the others.
        let found = strengths(3, &[(0, 1, 30, 10), (0, 2, 3, 1), (1, 2, 2, 2)]);
        assert!(found[0].value > found[1].value && found[0].value > found[2].value, "{found:?}");
        assert!(found[1].margin < found[2].margin, "{found:?}");
        assert_eq!(found.iter().map(|it| it.comparisons).collect::<Vec<_>>(), [44, 44, 8]);
    }

    #[test]
    fn strengths_are_those_that_the_comparisons_were_made_with() {
        let truth = [2.0_f64, 1.0, 0.0, -1.0, -2.0];
        let mut pairs = Vec::new();
        for one in 0..truth.len() {
            for other in 0..one {
                let chance = 1.0 / (1.0 + (truth[other] - truth[one]).exp());
                let won = (chance * 10_000.0).round() as u32;
                pairs.push((one as u32, other as u32, won, 10_000 - won));
            }
        }
        for (found, truth) in strengths(truth.len(), &pairs).iter().zip(truth) {
            assert!((found.value - truth).abs() < 0.02, "{found:?} is {truth}");
            assert!(found.margin < 0.05);
        }
    }

    #[test]
    fn nothing_runs_away_and_nothing_is_no_trouble() {
        assert_eq!(strengths(0, &[]), []);
        let found = strengths(3, &[(0, 1, 1_000_000, 0)]);
        assert!(found.iter().all(|it| it.value.is_finite() && it.value.abs() < 20.0), "{found:?}");
        assert!(found[2].value.abs() < 0.01 && found[2].comparisons == 0, "{found:?}");
    }
}

//! The sum of the tests, read from the summary lines that test runners print.

use std::fmt;

/// How many tests passed and failed so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Adds the numbers of `line` when it is the summary of a run; any other line changes nothing.
    pub(crate) fn observe(&mut self, line: &str) {
        // Nextest shows the output of a failed test indented, the summary line of its process included.
        let numbers = if let Some(rest) = line.strip_prefix("test result:") {
            // `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`
            rest.split_once('.').map(|(_, numbers)| numbers)
        } else if let Some(rest) = line.trim_start().strip_prefix("Summary [") {
            // `Summary [   0.02s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 0 skipped`
            rest.split_once("run: ").map(|(_, numbers)| numbers)
        } else {
            None
        };
        for part in numbers.unwrap_or_default().split([';', ',']) {
            let Some((number, outcome)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            if outcome.starts_with("passed") {
                self.passed += number;
            } else if ["failed", "timed out", "exec failed"].iter().any(|f| outcome.starts_with(f))
            {
                self.failed += number;
            }
        }
    }

    pub(crate) fn count(self) -> u64 {
        self.passed + self.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn summary_lines_of_both_runners_are_counted_and_no_other_line() {
        for (line, expected) in [
            ("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out", (3, 0)),
            ("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", (3, 2)),
            ("     Summary [   0.016s] 1 test run: 1 passed, 0 skipped\n", (1, 0)),
            (
                "Summary [ 1.2s] 7 tests run: 4 passed (1 slow, 1 leaky), 3 failed, 0 skipped",
                (4, 3),
            ),
            ("Summary [ 9.0s] 3/7 tests run: 1 passed, 1 failed, 1 timed out, 0 skipped", (1, 2)),
            ("Summary [ 9.0s] 3 tests run: 1 passed (1 flaky), 2 exec failed, 0 skipped", (1, 2)),
            ("    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured", (0, 0)),
            ("the node said: 3 passed; 2 failed", (0, 0)),
            ("test view::merge ... ok", (0, 0)),
        ] {
            let mut tally = Tally::default();
            tally.observe(line);
            assert_eq!((tally.passed, tally.failed), expected, "{line}");
        }
    }

    #[test]
    fn the_sum_is_one_line() {
        let mut tally = Tally::default();
        tally.observe("test result: ok. 3 passed; 0 failed; 0 ignored");
        tally.observe("Summary [ 0.1s] 2 tests run: 1 passed, 1 failed, 0 skipped");
        assert_eq!(tally.to_string(), "4 passed, 1 failed");
        assert_eq!(tally.count(), 5);
    }
}

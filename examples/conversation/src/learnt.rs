/// What was learnt from the comparisons so far.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// How many participants have submitted something.
    pub participants: u64,
    /// How many answers they gave.
    pub answers: u64,
    /// How many comparisons they made.
    pub comparisons: u64,
    /// The answers, the best first.
    pub ranked: Vec<Ranked>,
}

/// An answer in a ranking.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The answer.
    pub text: String,
    /// How strong it is: an answer that is stronger by one is preferred in 73 of 100 comparisons.
    pub strength: f64,
    /// Half the width of the interval that has the true strength with a probability of 95 %.
    pub margin: f64,
    /// In how many comparisons it was.
    pub comparisons: u32,
}

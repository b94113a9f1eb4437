#[tenure::error]
pub enum Statuses {
    #[problem(status = 500)]
    Server,
    #[problem(status = "409")]
    Text,
    #[problem(retry = true)]
    Unknown,
    #[problem(code = "Bad Code")]
    Code,
    #[problem("one", "two")]
    Twice,
    #[problem(status = 409, retry_after = "1s")]
    RetryOfAnAnswer,
    #[problem(status = 503)]
    NeverAgain,
    #[problem(status = 429, retry_after = "soon")]
    Soon,
    #[problem(status = 429, retry_after = "25h")]
    NextDay,
}

#[tenure::error]
pub enum Messages {
    #[problem("seat {seet} is taken")]
    Misspelt { seat: u32 },
    #[problem("{}")]
    Nameless(u32),
    #[problem("{0")]
    Open(u32),
    #[problem("{0}")]
    Nothing,
    #[problem("{0}")]
    NoDisplay(Vec<u8>),
}

#[tenure::error]
pub enum Codes {
    #[problem(code = "taken")]
    One,
    Taken,
}

#[tenure::error]
#[problem(status = 409)]
pub enum Outside {
    One {
        #[problem(status = 409)]
        field: u32,
    },
}

#[tenure::error]
pub enum Never {}

#[tenure::error]
pub struct Generic<T>(T);

fn main() {}

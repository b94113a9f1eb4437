/// The most rows a table keeps, gone ones included. A join beyond it is refused.
pub const ROWS_MAX: usize = 4_096;

/// The most rows one poll may watch.
pub const WATCH_MAX: usize = 64;

/// The most rows one request may forget.
pub const FORGET_MAX: usize = 64;

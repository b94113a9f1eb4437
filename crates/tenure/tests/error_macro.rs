//! What `#[tenure::error]` makes of an enum or a struct.

use std::time::Duration;

use tenure::__private::{AppProblem, decode_named, encode_named};
use tenure::AppError;

/// Why a flight refuses.
#[tenure::error]
#[derive(PartialEq)]
pub enum FlightError {
    /// Somebody sits there.
    #[problem(status = 409, code = "taken", "seat {seat} is taken by {by:?}, {seat}!")]
    SeatTaken {
        /// Which.
        seat: String,
        /// By whom.
        by: String,
        /// Not told in words.
        row: u32,
    },
    /// There is none.
    #[problem("no {0} among {{{1:>4}}}")]
    NoSuchSeat(String, u8),
    /// Too late.
    #[problem(status = 410)]
    TooLate,
    /// Words of Rust as names.
    #[problem(code = "odd", "{type}")]
    Odd {
        /// A raw name.
        r#type: u8,
    },
    /// Nothing said.
    NotMyHTTPProblem(u8),
}

/// A struct with its own `Debug`.
#[tenure::error]
#[derive(Clone, Debug, Default, PartialEq)]
#[problem(status = 402, "{} is {{}} {missing} short")]
#[cfg(any())]
pub struct NeverBuilt;

/// Not enough money.
#[tenure::error]
#[derive(Clone, Debug, Default, PartialEq)]
#[problem(status = 402, "{missing} short")]
pub struct TooPoor {
    /// How much.
    pub missing: u32,
}

/// Not now.
#[tenure::error]
#[derive(PartialEq)]
pub enum Busy {
    /// Come back.
    #[problem(status = 429, retry_after = "1500ms", "{left} are before you")]
    Queue {
        /// How many.
        left: u32,
    },
    /// Come back, too.
    #[problem(status = 503, retry_after = "10s")]
    Kitchen,
    /// For good.
    #[problem(status = 429)]
    Banned,
}

#[test]
fn an_error_may_say_when_to_come_back() {
    for (error, status, wait_ms) in [
        (Busy::Queue { left: 3 }, 429, Some(1_500)),
        (Busy::Kitchen, 503, Some(10_000)),
        (Busy::Banned, 429, None),
    ] {
        assert_eq!(error.retry_after(), wait_ms.map(Duration::from_millis), "{error}");
        assert_eq!(error.status(), status);
        assert_eq!(AppProblem::new(&error).retry_after, error.retry_after());
    }
    assert_eq!(TooPoor::default().retry_after(), None);
}

#[test]
fn each_variant_has_a_code_a_status_and_a_text() {
    let taken = FlightError::SeatTaken { seat: "1A".to_owned(), by: "bob".to_owned(), row: 1 };
    let cases: [(&dyn AppError, &str, u16, &str); 6] = [
        (&taken, "taken", 409, "seat 1A is taken by \"bob\", 1A!"),
        (&FlightError::NoSuchSeat("9Z".to_owned(), 12), "no_such_seat", 422, "no 9Z among {  12}"),
        (&FlightError::TooLate, "too_late", 410, "too late"),
        (&FlightError::Odd { r#type: 3 }, "odd", 422, "3"),
        (&FlightError::NotMyHTTPProblem(1), "not_my_http_problem", 422, "not my http problem"),
        (&TooPoor { missing: 5 }, "too_poor", 402, "5 short"),
    ];
    for (error, code, status, text) in cases {
        assert_eq!(
            (error.code(), error.status(), error.to_string().as_str()),
            (code, status, text)
        );
    }
}

#[test]
fn the_fields_travel_as_json() {
    let error = FlightError::SeatTaken { seat: "1A".to_owned(), by: "b".to_owned(), row: 7 };
    assert_eq!(error.to_json(), r#"{"SeatTaken":{"seat":"1A","by":"b","row":7}}"#);
    assert_eq!(FlightError::TooLate.to_json(), r#""TooLate""#);
    assert_eq!(TooPoor { missing: 5 }.to_json(), r#"{"missing":5}"#);
    let problem = AppProblem::new(&TooPoor { missing: 5 });
    assert_eq!((&*problem.code, problem.status, &*problem.message), ("too_poor", 402, "5 short"));
}

#[test]
fn an_error_survives_the_wire_and_is_a_std_error() {
    let error = FlightError::NoSuchSeat("x".to_owned(), 1);
    let mut encoded = Vec::new();
    encode_named(&error, &mut encoded).unwrap();
    assert_eq!(decode_named::<FlightError>(1, &encoded).unwrap(), error);
    let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error);
    assert_eq!(boxed.to_string(), "no x among {   1}");
    assert_eq!(format!("{:?}", FlightError::TooLate), "TooLate");
}

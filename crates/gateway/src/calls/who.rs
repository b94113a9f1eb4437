use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::entrance::refused;
use super::front::Caller;
use crate::auth::Identity;
use crate::problem::Problem;

/// Why it is not known who opens a session.
pub(crate) enum Refused {
    /// It has not said so yet.
    Absent,
    /// It is nobody who is let in.
    Wrong(Box<Problem>),
}

/// Who sent these headers; `None` where the node asks nobody.
pub(crate) fn identify(caller: &Caller, headers: &HeaderMap) -> Result<Option<Identity>, Refused> {
    let Some(credentials) = &caller.front.credentials else { return Ok(None) };
    if !headers.contains_key(AUTHORIZATION) && !headers.contains_key("x-api-key") {
        return Err(Refused::Absent);
    }
    credentials.identify(headers).map(Some).map_err(|refusal| Refused::Wrong(refused(refusal)))
}

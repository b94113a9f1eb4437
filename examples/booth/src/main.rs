//! Serves box offices, and the page on which their seats are shown.

use std::pin::Pin;

use booth::{Agent, Board, House, Section};
use tenure::{Access, Authorise, Refusal};

/// Nobody deletes: an agent that forgets what it was handed would sell it again.
struct Door;

impl Authorise for Door {
    fn authorise<'a>(
        &'a self,
        access: Access<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>> {
        let answer = match access.http_method.as_str() {
            "DELETE" => Err(Refusal::Forbidden { detail: "seats are not deleted".into() }),
            _ => Ok(()),
        };
        Box::pin(std::future::ready(answer))
    }
}

fn main() -> tenure::Result<()> {
    tenure::app()
        .actor::<House>()
        .actor::<Section>()
        .actor::<Agent>()
        .actor::<Board>()
        .authorise(Door)
        .page("/", "text/html; charset=utf-8", include_str!("../pages/booth.html"))
        .page("/booth.css", "text/css; charset=utf-8", include_str!("../pages/booth.css"))
        .page("/booth.js", "text/javascript; charset=utf-8", include_str!("../pages/booth.js"))
        .run()
}

//! The program around a user's actors: `app().actor::<..>().run()`.

mod check;
mod cli;
mod credentials;
mod nodes;
mod screen;
mod service;
mod signals;
mod traces;
mod wait;

use std::ffi::OsString;
use std::sync::Arc;

use tenure_actor::{Actor, ActorType};
use tenure_gateway::{Authorise, Page};

use crate::config::{Configuration, Settings};
use crate::{Error, Node, Result};
use cli::{Cli, ConfigVerb, Verb};
use service::{Around, Service};
use wait::wait_for;

/// A program that serves actors: register their types, then [`App::run`] it.
#[derive(Default)]
pub struct App {
    types: Vec<std::result::Result<ActorType, String>>,
    authorise: Option<Arc<dyn Authorise>>,
    pages: Vec<Page>,
}

/// A program without actors, to register them with.
///
/// # Examples
/// ```no_run
/// use tenure::prelude::*;
///
/// #[tenure::data]
/// #[derive(Default)]
/// pub struct Counter {
///     value: i64,
/// }
///
/// #[actor]
/// impl Counter {
///     pub fn add(&mut self, by: i64) -> i64 {
///         self.value += by;
///         self.value
///     }
/// }
///
/// fn main() -> tenure::Result<()> {
///     tenure::app().actor::<Counter>().run()
/// }
/// ```
///
/// Call it first in `main`: a node of a cluster starts its program again as its sentinel, which is done with here.
#[must_use]
pub fn app() -> App {
    if crate::run_if_sentinel().is_some() {
        screen::end_as_sentinel();
    }
    App::default()
}

impl App {
    /// Registers an actor type: the program serves actors of type `A`.
    #[must_use]
    pub fn actor<A: Actor>(mut self) -> Self {
        self.types.push(ActorType::of::<A>().map_err(|error| error.to_string()));
        self
    }

    /// Sets who may call what over HTTP. Without it everybody who reaches the port may call every
    /// method that is not `internal`; the port is on loopback unless configured otherwise.
    #[must_use]
    pub fn authorise(mut self, hook: impl Authorise) -> Self {
        self.authorise = Some(Arc::new(hook));
        self
    }

    /// Serves a page for browsers beside the calls, on their port: a document, a script, a style sheet. Everybody
    /// who reaches the port may read it. `path` begins with a slash, and not with `/v1/` or `/connection/`;
    /// `content_type` is for example `text/html; charset=utf-8`.
    ///
    /// A page may load what this program serves, and nothing from elsewhere. At most 256 pages.
    #[must_use]
    pub fn page(
        mut self,
        path: &'static str,
        content_type: &'static str,
        body: &'static (impl AsRef<[u8]> + ?Sized),
    ) -> Self {
        self.pages.push(Page { path, content_type, body: body.as_ref().into() });
        self
    }

    /// Does what the command line asks: `serve` (the default), `dev`, `check`, `openapi`, or `config print`.
    /// Returns when the program was told to stop and has stopped in good order. A command line that
    /// makes no sense, and a `check` that could not be made, end the process with 2.
    ///
    /// # Errors
    /// [`Error`] in words that say what to do; return it from `main`. What was acknowledged is
    /// durable whatever happens.
    pub fn run(self) -> Result<()> {
        self.run_with(std::env::args_os())
    }

    /// As [`App::run`], with these arguments; the first is the program's name.
    ///
    /// # Errors
    /// As [`App::run`].
    pub fn run_with(self, arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
        let cli = Cli::read(arguments);
        let configuration =
            Configuration::read(cli.config.as_deref(), environment(), &cli.overrides());
        if let Some(Verb::Check(check)) = &cli.verb {
            let checked = configuration
                .map_err(Error::from)
                .and_then(|configuration| check.run(&self.types, configuration.settings()));
            return match checked {
                Ok(()) | Err(Error::Incompatible(_)) => checked,
                Err(error) => screen::end_unchecked(&error),
            };
        }
        let (configuration, arguments) = (configuration?, cli.passed_on());
        match cli.verb.unwrap_or_default() {
            Verb::Check(_) => unreachable!("checked above"),
            Verb::Serve(_) => self.serve(configuration.settings(), None),
            Verb::Dev(dev) => {
                let settings = configuration.settings();
                let fresh = dev.fresh && screen::wipe(settings)?;
                match dev.nodes {
                    1 => self.serve(settings, Some(&screen::Dev { fresh })),
                    count => nodes::Nodes { settings, count, arguments }.run(),
                }
            }
            Verb::Openapi => {
                let types = check::described(&self.types)?;
                let settings = configuration.settings();
                let clock = Arc::new(crate::seams::SystemClock::new());
                let files = credentials::KeyFiles::read(&settings.auth, clock)?;
                let credentials = files.as_ref().map(|files| &**files.credentials());
                let document = service::described(credentials).document(&types);
                screen::print(&format!("{document:#}\n"));
                Ok(())
            }
            Verb::Config(ConfigVerb::Print { origin }) => {
                screen::print(&configuration.print(origin));
                Ok(())
            }
        }
    }

    fn serve(self, settings: &Settings, dev: Option<&screen::Dev>) -> Result<()> {
        screen::start_logging(settings.log_format, dev.is_some());
        if self.types.is_empty() {
            return Err(Error::Usage(
                "there is nothing to serve; register a type with .actor::<..>()".into(),
            ));
        }
        let traces = traces::Traces::from_environment(&settings.name)?;
        let tracer = traces.as_ref().map(traces::Traces::tracer);
        let mut builder = Node::builder().actor_types(&self.types).settings(settings.clone());
        builder = builder.sentinel();
        if let Some(seat) = nodes::seat_given()? {
            nodes::end_with_parent();
            builder = builder.seat(seat);
        }
        let starting = builder.start();
        let around = Around { authorise: self.authorise, tracer, pages: self.pages };
        let begun = std::time::Instant::now();
        let node = wait_for(starting)?;
        let served = node.block_on(async {
            // Asked for first, so that no signal is missed once the program says it is ready.
            let mut signals = signals::Signals::new(settings.tls_cert.is_some())?;
            let service = Service::start(&node, settings, around, dev.is_some())?;
            screen::ready(&node, settings, &service, dev, begun.elapsed());
            let signal = tokio::select! {
                biased;
                signal = signals.wait_reloading(|| service.reload()) => signal,
                () = service.drained() => "drain",
                () = node.ended() => return Err(Error::Stop(
                    "it has lost its place in its cluster; what was acknowledged is stored".into(),
                )),
            };
            screen::stopping(signal, settings.drain_budget);
            tokio::select! {
                biased;
                stopped = service.stop(&node, settings.drain_budget) => stopped,
                again = signals.wait() => Err(Error::Stop(
                    format!("{again} came a second time; what was in flight is lost, and what was acknowledged is stored").into(),
                )),
            }
        });
        let served = served?;
        if let (Ok(()), Some(traces)) = (&served, &traces) {
            traces.stop();
        }
        served
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("types", &self.types.len()).finish_non_exhaustive()
    }
}

/// The environment, without what is not text: such a variable is none of ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !cli::OTHER_VARIABLES.contains(&name.as_str()))
}

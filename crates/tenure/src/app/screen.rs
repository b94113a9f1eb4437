//! What the program shows: its first lines, and its log.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this file is the program's voice on its terminal"
)]

use std::io::IsTerminal;
use std::time::Duration;

use tenure_actor::{ActorType, Shape};
use tracing_subscriber::EnvFilter;

use super::service::Service;
use crate::config::Settings;
use crate::{Error, Node, Result};

/// The development mode.
pub(super) struct Dev {
    /// The stored actors were deleted first.
    pub(super) fresh: bool,
}

/// Deletes the stored actors; `false` if there were none.
pub(super) fn wipe(settings: &Settings) -> Result<bool> {
    tenure_store_embedded::wipe(&settings.store_path)
        .map(|_| true)
        .map_err(|error| Error::Start(Error::chain(&error)))
}

pub(super) fn print(text: &str) {
    print!("{text}");
}

/// Ends a check that could not be made.
pub(super) fn end_unchecked(error: &Error) -> ! {
    eprintln!("Error: {error}");
    std::process::exit(2);
}

/// Logs to stderr: what `RUST_LOG` says, else what a person wants to see.
pub(super) fn start_logging(dev: bool) {
    // The embedded engine tells of every file it opens; a person wants to hear of trouble only.
    let quiet = "info,fjall=warn,lsm_tree=warn";
    let default = if dev { format!("{quiet},tenure_gateway=debug") } else { quiet.to_owned() };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // Somebody who embeds the program may have set up logging already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
}

/// Says that the node serves, and what to try.
pub(super) fn ready(
    node: &Node,
    settings: &Settings,
    service: &Service,
    dev: Option<&Dev>,
    took: Duration,
) {
    let (calls, admin) = (service.calls_address(), service.admin_address());
    let version = env!("CARGO_PKG_VERSION");
    let data = settings.store_path.display();
    let kept = match dev {
        None => "",
        Some(Dev { fresh: true }) => " (fresh)",
        Some(Dev { fresh: false }) => " (kept; --fresh to wipe)",
    };
    let types: Vec<_> =
        node.types().iter().map(|it| format!("{} v{}", it.name, it.schema)).collect();
    println!("tenure {version}   data {data}{kept}   types: {}", types.join(", "));
    println!(
        "{} ready in {:.1} s   try: {}",
        node.name(),
        took.as_secs_f64(),
        node.types().iter().find_map(|it| example(it, calls)).unwrap_or_default()
    );
    println!("ready: calls on http://{calls}, admin on http://{admin}");
    if dev.is_some() {
        println!("ctrl-c to stop");
    }
}

pub(super) fn stopping(signal: &str, budget: Duration) {
    println!("{signal}: stopping; what is in flight has {} s", budget.as_secs());
}

/// A command that calls the first method of a type which takes something simple.
fn example(actor_type: &ActorType, calls: std::net::SocketAddr) -> Option<String> {
    let methods = actor_type.methods.iter().filter(|it| !it.internal);
    let best = methods.min_by_key(|it| match it.shape {
        Shape::One { scalar: true, .. } => 0,
        Shape::None => 1,
        Shape::Named(_) => 2,
        Shape::One { .. } => 3,
    })?;
    let body = match best.shape {
        Shape::None => "''".to_owned(),
        Shape::One { scalar: true, .. } => "5".to_owned(),
        Shape::One { .. } => "'{..}'".to_owned(),
        Shape::Named(names) => {
            let fields: Vec<_> = names.iter().map(|name| format!("\"{name}\": ..")).collect();
            format!("'{{{}}}'", fields.join(", "))
        }
    };
    Some(format!("curl -d {body} {calls}/v1/{}/42/{}", actor_type.name, best.info.name))
}

//! The command line: every verb, every flag, and examples of each.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Works with Tenure nodes: makes projects, calls actors, looks after what is stored.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Which node is meant, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// Where the node takes calls
    #[arg(
        long,
        global = true,
        env = "TENURE_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070"
    )]
    pub(crate) url: String,
    /// Where the node's admin server listens
    #[arg(
        long,
        global = true,
        env = "TENURE_ADMIN",
        value_name = "URL",
        default_value = "http://127.0.0.1:7071"
    )]
    pub(crate) admin: String,
    /// How to answer: `json` is one document on standard output, errors on standard error
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a new project from a template
    #[command(after_help = NEW_EXAMPLES)]
    New(New),
    /// Call a method of an actor
    #[command(after_help = CALL_EXAMPLES)]
    Call(Call),
    /// Look at actors; let them leave memory; delete them
    #[command(subcommand, after_help = ACTOR_EXAMPLES)]
    Actor(ActorVerb),
    /// List feeds; read their entries
    #[command(subcommand, after_help = FEED_EXAMPLES)]
    Feed(FeedVerb),
    /// Look at open WebSockets and event streams; end them
    #[command(subcommand, after_help = SESSION_EXAMPLES)]
    Session(SessionVerb),
    /// Copy everything that a running node has stored into one file
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(Backup),
    /// Make a store from a backup
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Restore),
    /// Look after the tables in a database; move all actors from one store to another
    #[command(subcommand, after_help = STORE_EXAMPLES)]
    Store(StoreVerb),
    /// Let a node move its actors to others and stop, as SIGTERM does
    #[command(after_help = DRAIN_EXAMPLES)]
    Drain,
    /// Let a node take no new actors; those that live there stay
    #[command(after_help = DRAIN_EXAMPLES)]
    Cordon,
    /// Let a node take new actors again
    #[command(after_help = DRAIN_EXAMPLES)]
    Uncordon,
    /// Make certificates for the nodes of a cluster, for development and tests
    #[command(after_help = CERTS_EXAMPLES)]
    Certs(Certs),
    /// Find what is wrong with a node or its machine, and say what to do
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Print a script that completes this command in a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The project's name, and that of its folder
    pub(crate) name: String,
    /// What the project begins with
    #[arg(long, value_name = "TEMPLATE", default_value = "counter")]
    pub(crate) template: Template,
    /// Depend on the checkout of Tenure in this folder instead of the public repository
    #[arg(long, value_name = "FOLDER")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A number for each key: the smallest service
    Counter,
    /// A shopping cart: errors, several arguments, a reminder
    Cart,
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The actor's type, as `counter`
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// The actor's key, as it is: it is escaped for you
    pub(crate) key: String,
    /// The method
    pub(crate) method: String,
    /// The argument, or an object of named ones, as JSON; `-` reads it from standard input
    #[arg(allow_negative_numbers = true)]
    pub(crate) argument: Option<String>,
    /// Do not wait for the reply
    #[arg(long)]
    pub(crate) send: bool,
    /// Send so much later, as 500ms, 30s, 5m or 2h
    #[arg(long, value_name = "TIME", requires = "send", value_parser = duration)]
    pub(crate) delay: Option<Duration>,
    /// Wait until everything that the reply could have seen is stored; with --send, until the message is
    #[arg(long)]
    pub(crate) durable: bool,
    /// The idempotency key: calls with one key have one effect
    #[arg(long = "key", value_name = "IDEMPOTENCY_KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// How long the call may take, as 500ms or 5s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Call only if the actor's state has this tag, which -v shows
    #[arg(long, value_name = "TAG", conflicts_with = "send")]
    pub(crate) if_match: Option<String>,
    /// Call a method that only reads again and again, and print its reply when it changes
    #[arg(
        long,
        value_name = "PERIOD",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1s",
        value_parser = period,
        conflicts_with_all = ["send", "idempotency_key", "if_match"]
    )]
    pub(crate) watch: Option<Duration>,
    /// Show the reply's headers, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ActorVerb {
    /// List the actors of a type by their keys
    #[command(visible_alias = "list", after_help = LS_EXAMPLES)]
    Ls(Ls),
    /// Show one actor: in memory, stored, and its state
    #[command(after_help = GET_EXAMPLES)]
    Get(Actor),
    /// Let an actor leave memory once everything of it is stored
    #[command(after_help = DEACTIVATE_EXAMPLES)]
    Deactivate(Actor),
    /// Delete an actor for good: state, events, reminders
    #[command(after_help = DELETE_EXAMPLES)]
    Delete {
        #[command(flatten)]
        actor: Actor,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The actors' type
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// List what is stored instead of what is in memory
    #[arg(long)]
    pub(crate) stored: bool,
    /// How many to list; with --all, how many to ask for at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Begin after this key
    #[arg(long, value_name = "KEY")]
    pub(crate) after: Option<String>,
    /// List all there are
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Actor {
    /// The actor's type
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: String,
    /// The actor's key, as it is
    pub(crate) key: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeedVerb {
    /// List the feeds, and what is kept of each
    #[command(visible_alias = "list", after_help = FEED_EXAMPLES)]
    Ls,
    /// Print the entries of a feed, one a line
    #[command(after_help = FEED_EXAMPLES)]
    Read(FeedRead),
}

#[derive(Debug, Args)]
pub(crate) struct FeedRead {
    /// The feed's name
    pub(crate) name: String,
    /// Begin behind this cursor; `latest` begins with what comes from now on
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// How many entries to print; with --all or --follow, how many to ask for at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Print all there are
    #[arg(long)]
    pub(crate) all: bool,
    /// Go on with what comes, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionVerb {
    /// List open sessions by their ids
    #[command(visible_alias = "list", after_help = SESSION_LS_EXAMPLES)]
    Ls(SessionLs),
    /// End a session, or all of a user; their clients do not come back by themselves
    #[command(after_help = KICK_EXAMPLES)]
    Kick(Kick),
}

#[derive(Debug, Args)]
pub(crate) struct SessionLs {
    /// Only those of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// How many to list
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    /// Begin after this id
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Kick {
    /// The session's id
    #[arg(conflicts_with = "user")]
    pub(crate) id: Option<String>,
    /// All sessions of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the copy goes; it gets this name once it is whole
    pub(crate) file: PathBuf,
    /// Make no copy: check that FILE is a whole one
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The copy
    pub(crate) file: PathBuf,
    /// Where the store is made; there must be none yet
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreVerb {
    /// Make the tables, or bring older ones to what this version needs; nothing is lost
    #[command(after_help = STORE_EXAMPLES)]
    Migrate(Migrate),
    /// Copy all actors into one file, from which every engine makes a store
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(Export),
    /// Make a store of such a file
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Check that such a file is whole
    #[command(after_help = EXPORT_EXAMPLES)]
    Verify {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where the actors go; the file gets this name once it is whole
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: StorePlace,
    /// Write nothing: compare the store with FILE
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: StorePlace,
}

/// Which store is meant.
#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// An embedded store: its folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "store")]
    pub(crate) data: Option<PathBuf>,
    /// A store in a database: postgres://user:password@host:5432/database; TENURE_STORE where neither is said
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The database, as postgres://user:password@host:5432/database
    #[arg(env = "TENURE_STORE", value_name = "URL", hide_env_values = true)]
    pub(crate) store: String,
    /// Into how many partitions journals and feeds are laid; 0 for databases that only speak PostgreSQL's
    /// language, which then have no views for people either
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub(crate) partitions: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Certs {
    /// The cluster's name (`cluster.name`)
    pub(crate) cluster: String,
    /// The nodes' names (`node.name`)
    #[arg(required = true, value_name = "NODE")]
    pub(crate) nodes: Vec<String>,
    /// Where they are made; an authority that is there makes them
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The node's store folder, if it is on this machine; `.tenure` where there is one
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Ask only whether the process lives, as the health check of a container does
    #[arg(long, conflicts_with = "data")]
    pub(crate) live: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = "write a time above zero as 200ms, 30s, 10m or 1h";
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let factor_ms = match &text[end..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong.to_owned()),
    };
    let number: Option<u64> = text[..end].parse().ok().filter(|number| *number > 0);
    let ms = number.and_then(|number| number.checked_mul(factor_ms)).ok_or(wrong)?;
    Ok(Duration::from_millis(ms))
}

/// How often somebody may ask: a period of nothing would keep a node busy for nothing.
const PERIOD_MIN: Duration = Duration::from_millis(50);

fn period(text: &str) -> Result<Duration, String> {
    let period = duration(text)?;
    match period < PERIOD_MIN {
        true => Err(format!("the shortest period is {} ms", PERIOD_MIN.as_millis())),
        false => Ok(period),
    }
}

const EXAMPLES: &str = "\
Examples:
  tenure new shop --template cart        make a project
  tenure call counter 42 add 5           call a method
  tenure actor ls counter --stored       what is stored
  tenure backup counters.backup          copy a running node's store
  tenure doctor                          find what is wrong

Exit codes: 0 it worked, 1 it failed, 2 the command line cannot be meant.";

const DRAIN_EXAMPLES: &str = "\
Examples:
  tenure cordon --admin http://10.0.0.1:7071     no new actors there
  tenure uncordon --admin http://10.0.0.1:7071   and again
  tenure drain --admin http://10.0.0.1:7071      everything moves away, then it stops";

const CERTS_EXAMPLES: &str = "\
Examples:
  tenure certs tenure n1 n2 n3           an authority, and a certificate and a key for each
  tenure certs tenure n4                 one more, by the same authority

They do not expire and nothing revokes them: in production use the authority you have.";

const NEW_EXAMPLES: &str = "\
Examples:
  tenure new hello                       a counter, from the public repository
  tenure new shop --template cart        a shopping cart
  tenure new shop --path ../tenure       with a checkout of Tenure";

const CALL_EXAMPLES: &str = "\
Examples:
  tenure call counter 42 get
  tenure call counter 42 add 5
  tenure call cart alice add '{\"item\": \"pen\", \"count\": 2, \"cents\": 150}'
  tenure call counter 42 add 5 --key 8e03978e      safe to repeat
  tenure call counter 42 add 5 --send --delay 30s  later, without a reply
  tenure call counter 42 get -v                    with the tag of the state
  tenure call counter 42 add 5 --if-match 0000002a-17
  tenure call counter 42 get --watch=500ms         until interrupted

Text is JSON as well: write '\"five\"' for the text five.";

const ACTOR_EXAMPLES: &str = "\
Examples:
  tenure actor ls counter
  tenure actor get counter 42
  tenure actor deactivate counter 42
  tenure actor delete counter 42 --yes";

const LS_EXAMPLES: &str = "\
Examples:
  tenure actor ls counter                      in memory
  tenure actor ls counter --stored --all       everything that is stored
  tenure actor ls counter --limit 10 --after 42";

const GET_EXAMPLES: &str = "\
Examples:
  tenure actor get counter 42
  tenure actor get counter 42 -o json";

const DEACTIVATE_EXAMPLES: &str = "\
Examples:
  tenure actor deactivate counter 42

A volatile actor loses its state.";

const DELETE_EXAMPLES: &str = "\
Examples:
  tenure actor delete counter 42         asks first
  tenure actor delete counter 42 --yes   for scripts";

const FEED_EXAMPLES: &str = "\
Examples:
  tenure feed ls
  tenure feed read answers
  tenure feed read answers --after latest --follow
  tenure feed read answers --all -o json

The cursor to go on with is printed at the end.";

const SESSION_EXAMPLES: &str = "\
Examples:
  tenure session ls --user alice
  tenure session kick --user alice";

const SESSION_LS_EXAMPLES: &str = "\
Examples:
  tenure session ls
  tenure session ls --user alice -o json
  tenure session ls --limit 10 --after 5f0c..";

const KICK_EXAMPLES: &str = "\
Examples:
  tenure session kick 5f0c..
  tenure session kick --user alice

Whoever may still come in comes back when its page is loaded again: take the key or the token first.";

const BACKUP_EXAMPLES: &str = "\
Examples:
  tenure backup counters.backup            copy, while the node goes on
  tenure backup --verify counters.backup   check a copy";

const STORE_EXAMPLES: &str = "\
Examples:
  tenure store migrate postgres://tenure@db/tenure     make or change the tables
  TENURE_STORE=postgres://.. tenure store migrate      the same; the password stays out of the history";

const EXPORT_EXAMPLES: &str = "\
Examples:
  tenure store export counters.export --data .tenure            while no node has the folder
  TENURE_STORE=postgres://.. tenure store export all.export     while nodes serve
  tenure store verify all.export                                whether the file is whole
  tenure store export all.export --verify --data .tenure        whether a store has what is in it";

const IMPORT_EXAMPLES: &str = "\
Examples:
  tenure store import all.export --data .tenure                 makes the store
  TENURE_STORE=postgres://.. tenure store import all.export     into tables that have nothing";

const RESTORE_EXAMPLES: &str = "\
Examples:
  tenure restore counters.backup --data .tenure";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  tenure doctor
  tenure doctor --data /var/lib/tenure
  tenure doctor --live
  tenure doctor --admin http://10.0.0.7:7071 --url http://10.0.0.7:7070";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  tenure completions bash > /etc/bash_completion.d/tenure
  tenure completions zsh > ~/.zfunc/_tenure
  tenure completions fish > ~/.config/fish/completions/tenure.fish";

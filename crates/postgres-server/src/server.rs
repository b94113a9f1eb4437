use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::clock::Clock;
use crate::programs::{command, give, run};

/// How long a server may take to start or stop.
const START_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often a port that was free is taken by somebody else before it is given up.
const PORTS_MAX: usize = 10;

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lines of `postgresql.conf`, such as `max_connections = 20`.
    pub settings: Vec<String>,
    /// Lines of `pg_hba.conf` in place of those that let everybody in who comes from this machine.
    pub entrance: Vec<String>,
    /// A folder to make the server's in, on a disk of a certain kind. What a new server has written
    /// there is not synced.
    pub folder: Option<PathBuf>,
    /// Whether its wall clock is its own: [`PostgresServer::step_clock`].
    pub has_clock: bool,
}

/// A server that runs, or can be started again. Dropped, it is killed and its folder removed.
pub struct PostgresServer {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
    pub(crate) child: Option<Child>,
    pub(crate) clock: Option<Clock>,
}

impl PostgresServer {
    /// A new server with its defaults.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; what it printed is in the error.
    pub fn start() -> io::Result<Self> {
        Self::with(&Options::default())
    }

    /// A new server that is set up in this way.
    ///
    /// # Errors
    /// As [`PostgresServer::start`].
    pub fn with(options: &Options) -> io::Result<Self> {
        let folder = new_folder(options.folder.as_deref())?;
        let data = folder.path().join("data");
        let mut initdb = command("initdb")?;
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"]);
        initdb.arg("--locale=C.UTF-8").arg("--pgdata").arg(&data);
        run(initdb)?;
        let clock = options.has_clock.then(|| Clock::new(folder.path())).transpose()?;
        let mut server = Self { folder, port: 0, child: None, clock };
        let mut settings = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            "unix_socket_directories = ''".to_owned(),
            "max_connections = 60".to_owned(),
        ];
        settings.extend(options.settings.iter().cloned());
        server.add_settings(&settings)?;
        if !options.entrance.is_empty() {
            std::fs::write(data.join("pg_hba.conf"), options.entrance.join("\n") + "\n")?;
        }
        server.run_anywhere()?;
        Ok(server)
    }

    /// Adds lines to `postgresql.conf`, for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_settings(&self, settings: &[String]) -> io::Result<()> {
        use std::io::Write;
        let path = self.data().join("postgresql.conf");
        let mut file = File::options().append(true).open(path)?;
        settings.iter().try_for_each(|line| writeln!(file, "{line}"))
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The port on 127.0.0.1 that it listens on, the same after each start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of its database `postgres`, for its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements as the superuser with `psql`, and gives what it printed, fields between `|`.
    ///
    /// # Errors
    /// When one fails.
    pub fn psql(&self, sql: &str) -> io::Result<String> {
        let mut psql = command("psql")?;
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--set=ON_ERROR_STOP=1", "--dbname", &self.url(), "--command", sql]);
        let output = psql.output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(format!("psql failed: {text}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Starts it again, after [`PostgresServer::stop`] or [`PostgresServer::kill`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        // What is left of a killed server keeps the next from starting, or says of it that it runs. A
        // disk whose power was cut may bring it back, so that it goes no earlier than here.
        let _ = std::fs::remove_file(self.data().join("postmaster.pid"));
        self.run_once().and_then(|runs| match runs {
            true => Ok(()),
            false => Err(io::Error::other("the port was taken by somebody else")),
        })
    }

    /// Stops it: ends all connections and writes a checkpoint.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub fn stop(&mut self) -> io::Result<()> {
        self.end(Signal::INT)
    }

    /// Kills all of its processes at once, as a power cut of the process would, and waits until none
    /// is left: one that still ends would keep the next server from starting.
    ///
    /// # Errors
    /// When they cannot be found, or do not end.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(child) = &self.child {
            // Where it is stopped it makes no more processes while they are found.
            let _ = kill_process(pid_of(child), Signal::STOP);
        }
        let processes = self.processes()?;
        for process in &processes {
            // One that has ended meanwhile needs none.
            let _ = kill_process(*process, Signal::KILL);
        }
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        let began = Instant::now();
        while processes.iter().any(|it| runs(*it)) {
            if began.elapsed() > START_MAX {
                return Err(io::Error::other("killed processes of PostgreSQL do not end"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Stops all of its processes where they are.
    ///
    /// # Errors
    /// When they cannot be found.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When they cannot be found.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// From now on its wall clock, and that alone, is so many seconds before that of the machine, or behind it.
    ///
    /// # Errors
    /// When it was not set up with a clock of its own.
    pub fn step_clock(&self, seconds: i64) -> io::Result<()> {
        let clock = self.clock.as_ref().ok_or_else(|| io::Error::other("it has no own clock"))?;
        clock.set(seconds)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        for process in self.processes()? {
            // One that has ended meanwhile needs none.
            let _ = kill_process(process, signal);
        }
        Ok(())
    }

    fn end(&mut self, signal: Signal) -> io::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill_process(pid_of(&child), signal)?;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > START_MAX {
                self.child = Some(child);
                return Err(io::Error::other(format!("PostgreSQL does not stop: {}", self.log())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// The server's process and those that it made.
    fn processes(&self) -> io::Result<Vec<Pid>> {
        let Some(child) = &self.child else { return Ok(Vec::new()) };
        let parent = pid_of(child);
        let mut found = vec![parent];
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
            let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            let its_parent = after_name.split(' ').nth(1).and_then(|it| it.parse().ok());
            let pid = path.file_name().and_then(|it| it.to_str()).and_then(|it| it.parse().ok());
            if its_parent.and_then(Pid::from_raw) == Some(parent) {
                found.extend(pid.and_then(Pid::from_raw));
            }
        }
        Ok(found)
    }

    pub(crate) fn run_anywhere(&mut self) -> io::Result<()> {
        for _ in 0..PORTS_MAX {
            self.port = free_port()?;
            if self.run_once()? {
                return Ok(());
            }
        }
        Err(io::Error::other("every port was taken by somebody else"))
    }

    /// Starts it and waits until it answers; `false` if its port is taken.
    fn run_once(&mut self) -> io::Result<bool> {
        let log = File::options().create(true).append(true).open(self.log_path())?;
        let mut postgres = command("postgres")?;
        postgres.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        postgres.stdout(log.try_clone()?).stderr(Stdio::from(log));
        if let Some(clock) = &self.clock {
            postgres.envs(clock.variables());
        }
        let mut child = postgres.spawn()?;
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                let log = self.log();
                if log.contains("Address already in use") {
                    std::fs::write(self.log_path(), "")?;
                    return Ok(false);
                }
                return Err(io::Error::other(format!("PostgreSQL ended, {status}: {log}")));
            }
            // The last line of the file says "ready" once it takes connections.
            let file = std::fs::read_to_string(self.data().join("postmaster.pid"));
            if file.is_ok_and(|text| text.lines().last().is_some_and(|it| it.trim() == "ready")) {
                self.child = Some(child);
                return Ok(true);
            }
            if began.elapsed() > START_MAX {
                let _ = child.kill();
                return Err(io::Error::other(format!("PostgreSQL does not start: {}", self.log())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _ = self.resume();
        let _ = self.kill();
    }
}

/// A folder that belongs to whom the server runs as, and lies where that user may go.
pub(crate) fn new_folder(parent: Option<&Path>) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("tenure-postgres-");
    let folder = match parent {
        Some(parent) => builder.tempdir_in(parent)?,
        None => builder.tempdir()?,
    };
    give(folder.path())?;
    Ok(folder)
}

/// Whether a process is there; one that has ended and that nobody asks about is not.
fn runs(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

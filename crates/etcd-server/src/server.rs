use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::health::is_healthy;

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often ports that were free are taken by somebody else before it is given up.
const PORTS_MAX: usize = 10;

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// PEM files with the certificate and the key with which it speaks TLS to its clients.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// A server that runs, or can be started again. Dropped, it is killed and its folder removed.
pub struct EtcdServer {
    folder: TempDir,
    name: String,
    /// For clients, for other servers, for health.
    ports: [u16; 3],
    /// The servers of the cluster, as etcd is told.
    peers: String,
    options: Options,
    child: Option<Child>,
}

impl EtcdServer {
    /// A cluster of one.
    ///
    /// # Errors
    /// When etcd is not installed or does not start; what it printed is in the error.
    pub fn start() -> io::Result<Self> {
        Self::with(&Options::default())
    }

    /// A cluster of one that is set up in this way.
    ///
    /// # Errors
    /// As [`EtcdServer::start`].
    pub fn with(options: &Options) -> io::Result<Self> {
        let [server] = Self::cluster(options)?;
        Ok(server)
    }

    /// A cluster of three.
    ///
    /// # Errors
    /// As [`EtcdServer::start`].
    pub fn three() -> io::Result<[Self; 3]> {
        Self::cluster(&Options::default())
    }

    fn cluster<const N: usize>(options: &Options) -> io::Result<[Self; N]> {
        for _ in 0..PORTS_MAX {
            let mut servers = Vec::new();
            for at in 0..N {
                let folder = tempfile::Builder::new().prefix("tenure-etcd-").tempdir()?;
                let (name, ports) = (format!("e{at}"), free_ports()?);
                let (peers, options) = (String::new(), options.clone());
                servers.push(Self { folder, name, ports, peers, options, child: None });
            }
            let peers: Vec<_> =
                servers.iter().map(|it| format!("{}={}", it.name, it.peer())).collect();
            for server in &mut servers {
                server.peers = peers.join(",");
                server.spawn()?;
            }
            let all = servers.iter_mut().map(Self::wait).collect::<io::Result<Vec<_>>>()?;
            if all.into_iter().all(|runs| runs) {
                return servers
                    .try_into()
                    .map_err(|_| io::Error::other("there are as many as asked"));
            }
        }
        Err(io::Error::other("every port was taken by somebody else"))
    }

    /// The port on 127.0.0.1 where clients are served, the same after each start.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Runs `etcdctl` with these arguments on this server, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn ctl(&self, args: &[&str]) -> io::Result<String> {
        let mut ctl = Command::new("etcdctl");
        ctl.env("ETCDCTL_API", "3").arg("--endpoints").arg(format!("127.0.0.1:{}", self.port()));
        run(ctl.args(args))
    }

    /// Writes what the server has to a file.
    ///
    /// # Errors
    /// When it cannot.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        self.ctl(&["snapshot", "save", &file.display().to_string()]).map(drop)
    }

    /// Kills the server of a cluster of one, if it runs, puts in place of its data what was saved, and starts it again.
    /// Another `token` makes it another etcd cluster, with another number; the one that it began with is `first`.
    ///
    /// # Errors
    /// When it cannot be restored or does not start.
    pub fn restore(&mut self, file: &Path, token: &str) -> io::Result<()> {
        self.kill()?;
        std::fs::remove_dir_all(self.data())?;
        let mut ctl = Command::new("etcdctl");
        ctl.env("ETCDCTL_API", "3").args(["snapshot", "restore"]).arg(file);
        ctl.args(["--name", &self.name, "--initial-cluster", &self.peers]);
        ctl.args(["--initial-cluster-token", token, "--initial-advertise-peer-urls", &self.peer()]);
        run(ctl.arg("--data-dir").arg(self.data()))?;
        self.start_again()
    }

    /// Starts it again, after [`EtcdServer::kill`], and waits until it takes writes.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        self.spawn()?;
        match self.wait()? {
            true => Ok(()),
            false => Err(io::Error::other("the port was taken by somebody else")),
        }
    }

    /// Starts it again and does not wait: alone it may have to wait for others.
    ///
    /// # Errors
    /// When there is no process for it.
    pub fn spawn(&mut self) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path())?;
        // Where the one who started it ends without a word, it ends as well.
        let mut etcd = Command::new("setpriv");
        etcd.args(["--pdeathsig", "KILL", "etcd", "--name", &self.name, "--data-dir"])
            .arg(self.data());
        let (clients, peer) = (self.clients(), self.peer());
        etcd.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        etcd.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        etcd.args(["--initial-cluster", &self.peers, "--initial-cluster-token", "first"]);
        etcd.arg("--listen-metrics-urls").arg(format!("http://127.0.0.1:{}", self.ports[2]));
        etcd.args(["--heartbeat-interval", "50", "--election-timeout", "500", "--logger", "zap"]);
        if let Some((cert, key)) = &self.options.tls {
            etcd.arg("--cert-file").arg(cert).arg("--key-file").arg(key);
        }
        etcd.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(Stdio::from(log));
        self.child = Some(etcd.spawn().map_err(|_| missing())?);
        Ok(())
    }

    /// Kills it, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill()?;
        child.wait().map(drop)
    }

    /// Stops it in good order, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub fn stop(&mut self) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > START_MAX {
                self.child = Some(child);
                return Err(io::Error::other(format!("etcd does not stop: {}", self.log())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Stops it where it is.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let child = self.child.as_ref().ok_or_else(|| io::Error::other("etcd does not run"))?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// Waits until it takes writes; `false` if a port of it is taken.
    fn wait(&mut self) -> io::Result<bool> {
        let began = Instant::now();
        while !is_healthy(self.ports[2]) {
            let child = self.child.as_mut().ok_or_else(|| io::Error::other("etcd does not run"))?;
            if let Some(status) = child.try_wait()? {
                self.child = None;
                let log = self.log();
                if log.contains("address already in use") {
                    return Ok(false);
                }
                return Err(io::Error::other(format!("etcd ended, {status}: {log}")));
            }
            if began.elapsed() > START_MAX {
                return Err(io::Error::other(format!("etcd does not start: {}", self.log())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(true)
    }

    fn clients(&self) -> String {
        let scheme = if self.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port())
    }

    fn peer(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.kill();
    }
}

/// Three that are free at the same time.
fn free_ports() -> io::Result<[u16; 3]> {
    let bound = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(bound) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|_| missing())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{command:?} failed, {}: {text}", output.status)))
}

fn missing() -> io::Error {
    io::Error::other("etcd is not installed; type `apt-get install etcd-server etcd-client`")
}

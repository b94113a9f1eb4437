//! Hosts on one machine, whose network falls apart: namespaces on a switch with two bridges. Who is on the other bridge
//! is heard by nobody on this one; connections break by silence, as where a cable was pulled.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use anyhow::{Context, bail};

/// Where nodes take calls, and each other's.
const CALLS_PORT: u16 = 7_070;
const LANES_PORT: u16 = 7_072;
/// The host number of the table on the switch.
const TABLE: u8 = 100;

/// A plug of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plug {
    /// Of the host with this number, from 1.
    Host(u8),
    /// Of the machine itself, on which the member table is.
    Table,
}

/// The hosts and their switch; gone when dropped.
pub(super) struct Network {
    prefix: String,
    hosts: u8,
}

impl Network {
    /// Why it cannot be made here.
    pub(super) fn check() -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err("network namespaces need root".to_owned());
        }
        match ip("netns list") {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error:#}; type `apt-get install iproute2`")),
        }
    }

    /// So many hosts, all on one bridge. Each has another way to this process, which never breaks.
    pub(super) fn new(hosts: u8) -> anyhow::Result<Self> {
        let prefix = format!("tn{}", std::process::id() % 100_000);
        let this = Self { prefix, hosts };
        let (p, sw) = (&this.prefix, this.switch());
        ip(&format!("netns add {sw}"))?;
        for bridge in ["br0", "br1"] {
            ip(&format!("-n {sw} link add {bridge} type bridge"))?;
            ip(&format!("-n {sw} link set {bridge} up"))?;
        }
        for host in 1..=hosts {
            let name = this.host(host);
            ip(&format!("netns add {name}"))?;
            ip(&format!("link add name e{host} netns {sw} type veth peer name eth0 netns {name}"))?;
            ip(&format!("-n {sw} link set e{host} master br0 up"))?;
            ip(&format!("-n {name} addr add 10.77.0.{host}/24 dev eth0"))?;
            ip(&format!("link add name {p}m{host} type veth peer name side netns {name}"))?;
            ip(&format!("addr add 10.78.{host}.1/30 dev {p}m{host}"))?;
            ip(&format!("link set {p}m{host} up"))?;
            ip(&format!("-n {name} addr add {}/30 dev side", this.calls(host).ip()))?;
            for link in ["eth0", "side", "lo"] {
                ip(&format!("-n {name} link set {link} up"))?;
            }
        }
        ip(&format!("link add name table netns {sw} type veth peer name {p}t"))?;
        ip(&format!("-n {sw} link set table master br0 up"))?;
        ip(&format!("addr add {}/24 dev {p}t", this.table()))?;
        ip(&format!("link set {p}t up"))?;
        Ok(this)
    }

    fn switch(&self) -> String {
        format!("{}sw", self.prefix)
    }

    /// The namespace of a host.
    pub(super) fn host(&self, host: u8) -> String {
        format!("{}h{host}", self.prefix)
    }

    /// Where a host's node takes calls of this process, whatever happens on the switch.
    pub(super) fn calls(&self, host: u8) -> SocketAddr {
        (Ipv4Addr::new(10, 78, host, 2), CALLS_PORT).into()
    }

    /// This machine, as a host reaches it whatever happens on the switch.
    pub(super) fn side(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, host, 1)
    }

    /// Where a host's node is reached by others, over the switch.
    pub(super) fn lanes(&self, host: u8) -> SocketAddr {
        (Ipv4Addr::new(10, 77, 0, host), LANES_PORT).into()
    }

    /// Where the member table is reached, over the switch.
    pub(super) fn table(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, TABLE)
    }

    /// These hear each other and nobody else, and so do the rest.
    pub(super) fn split(&self, far: &[Plug]) -> anyhow::Result<()> {
        let hosts = (1..=self.hosts).map(Plug::Host);
        for plug in hosts.chain([Plug::Table]) {
            let link = match plug {
                Plug::Host(host) => format!("e{host}"),
                Plug::Table => "table".to_owned(),
            };
            let bridge = if far.contains(&plug) { "br1" } else { "br0" };
            ip(&format!("-n {} link set {link} master {bridge}", self.switch()))?;
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What is not there any more cannot be removed. A namespace lives on while connections in it end, and this
        // machine's links to it with it: the next network would have the same addresses.
        let p = &self.prefix;
        let links = (1..=self.hosts).map(|host| format!("{p}m{host}")).chain([format!("{p}t")]);
        links.for_each(|link| drop(ip(&format!("link del {link}"))));
        let names = (1..=self.hosts).map(|host| self.host(host)).chain([self.switch()]);
        names.for_each(|name| drop(ip(&format!("netns del {name}"))));
    }
}

fn ip(arguments: &str) -> anyhow::Result<()> {
    let mut command = Command::new("ip");
    command.args(arguments.split(' '));
    let output = command.output().context("`ip` cannot be run")?;
    if !output.status.success() {
        bail!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

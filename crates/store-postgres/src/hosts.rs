use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The hosts of a configuration, one at a time: each gets its own time to answer, so that one which
/// accepts connections and says nothing does not stand before the others.
pub(crate) fn each(server: &Config) -> Vec<(String, Config)> {
    let ports = server.get_ports();
    let hosts = server.get_hosts().iter().enumerate();
    let one = |(n, host): (usize, &Host)| {
        let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
        let mut one = without_hosts(server);
        let name = match host {
            Host::Tcp(name) => {
                one.host(name);
                name.clone()
            }
            #[cfg(unix)]
            Host::Unix(path) => {
                one.host_path(path);
                path.display().to_string()
            }
        };
        if let Some(address) = server.get_hostaddrs().get(n) {
            one.hostaddr(*address);
        }
        one.port(port);
        (format!("{name}:{port}"), one)
    };
    hosts.map(one).collect()
}

/// Everything else that a URL may say.
fn without_hosts(server: &Config) -> Config {
    let mut one = Config::new();
    if let Some(user) = server.get_user() {
        one.user(user);
    }
    if let Some(password) = server.get_password() {
        one.password(password);
    }
    if let Some(name) = server.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = server.get_options() {
        one.options(options);
    }
    if let Some(timeout) = server.get_connect_timeout() {
        one.connect_timeout(*timeout);
    }
    if let Some(timeout) = server.get_tcp_user_timeout() {
        one.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = server.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = server.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(server.get_keepalives())
        .keepalives_idle(server.get_keepalives_idle())
        .ssl_mode(server.get_ssl_mode())
        .ssl_negotiation(server.get_ssl_negotiation())
        .target_session_attrs(server.get_target_session_attrs())
        .channel_binding(server.get_channel_binding());
    one
}

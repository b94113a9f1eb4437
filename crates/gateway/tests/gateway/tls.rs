//! TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tenure_gateway::{GatewayConfig, ServerLimits, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::world::{World, post};

/// Writes a new certificate for `localhost` and its key.
fn issue(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn read(folder: &Path) -> Arc<Tls> {
    Arc::new(Tls::read(&folder.join("cert.pem"), &folder.join("key.pem")).unwrap())
}

/// A client that trusts the certificate which is in `folder` now.
fn trusting(folder: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth()).into()
}

/// One call; what came back, or why nothing did.
fn call(world: &World, client: &TlsConnector) -> Result<String, std::io::Error> {
    world.runtime.block_on(async {
        let stream = TcpStream::connect(world.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = client.connect(name, stream).await?;
        let request = post("/v1/counter/42/add", "5");
        let request = request.replacen("host: t", "host: t\r\nconnection: close", 1);
        stream.write_all(request.as_bytes()).await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        Ok(reply)
    })
}

#[test]
fn calls_go_over_tls_and_a_new_certificate_is_read_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let tls = read(folder.path());
    let world = World::encrypted(GatewayConfig::default(), Arc::clone(&tls));
    let old = trusting(folder.path());
    let reply = call(&world, &old).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("\r\n\r\n5"), "{reply}");

    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("cert.pem cannot be read as PEM of certificates"), "{error}");
    assert!(call(&world, &old).unwrap().ends_with("10"), "what was there before still serves");

    issue(folder.path());
    tls.reload().unwrap();
    assert!(call(&world, &old).is_err(), "nobody serves the old one");
    assert!(call(&world, &trusting(folder.path())).unwrap().ends_with("15"));
}

#[test]
fn who_does_not_speak_tls_is_closed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let server =
        ServerLimits { head_timeout: Duration::from_millis(100), ..ServerLimits::default() };
    let config = GatewayConfig { server, ..GatewayConfig::default() };
    let world = World::encrypted(config, read(folder.path()));
    let mut plain = world.client();
    plain.write(post("/v1/counter/42/add", "5").as_bytes());
    assert!(!plain.rest().contains("HTTP/1.1"));
    assert!(world.client().is_closed(), "a client that says nothing");
    assert!(call(&world, &trusting(folder.path())).unwrap().ends_with("5"));
}

#[test]
fn a_key_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let old = std::fs::read(&key).unwrap();
    issue(folder.path());
    std::fs::write(&key, old).unwrap();
    assert!(Tls::read(&cert, &key).is_err());
    assert!(Tls::read(&cert, &folder.path().join("none.pem")).is_err());
    assert!(Tls::read(&key, &key).is_err(), "a key is no certificate");
}

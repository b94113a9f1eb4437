use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tenure_postgres_server::PostgresServer;
use tenure_store::Store;

use crate::{PostgresConfig, PostgresStore, migrate};

/// An authority, as PEM, and a certificate for `localhost` with its key.
struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make(name: &str) -> Made {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key is made");
    let authority = params.self_signed(&key).expect("an authority is made").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key is made");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("it is signed").pem();
    Made { authority, certificate, key: key.serialize_pem() }
}

/// Puts a file where the server reads it, and nobody else.
fn put(server: &PostgresServer, name: &str, text: &str) {
    let path = server.data().join(name);
    std::fs::write(&path, text).expect("it is written");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).expect("it is private");
    let owner = std::fs::metadata(server.data()).expect("it is there");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("it is the server's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_trusted_for_its_certificate_and_its_name() {
    let (own, other) = (make("own"), make("other"));
    let mut server = PostgresServer::start().expect("it starts");
    put(&server, "own.crt", &own.certificate);
    put(&server, "own.key", &own.key);
    server.stop().expect("it stops");
    let settings = ["ssl = on", "ssl_cert_file = 'own.crt'", "ssl_key_file = 'own.key'"];
    server.add_settings(&settings.map(str::to_owned)).expect("they are written");
    server.start_again().expect("it starts again");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        path
    };
    let (good, wrong) = (write("good.pem", &own.authority), write("wrong.pem", &other.authority));
    let (empty, missing) = (write("empty.pem", ""), folder.path().join("missing.pem"));
    let url = |host: &str, roots: &Path| {
        let (port, roots) = (server.port(), roots.display());
        let url = format!(
            "postgres://postgres@{host}:{port}/postgres?sslmode=require&sslrootcert={roots}"
        );
        url.parse::<PostgresConfig>().unwrap_or_else(|error| panic!("{url}: {error}"))
    };
    for (host, roots, parts) in [
        ("localhost", &wrong, ["TLS", "UnknownIssuer", "check the certificate and sslrootcert"]),
        ("127.0.0.1", &good, ["TLS", "not valid for name", "check the certificate"]),
        ("localhost", &empty, ["reading the authorities in", "empty.pem", "no certificate in it"]),
        ("localhost", &missing, ["reading the authorities in", "missing.pem", "No such file"]),
    ] {
        let opened = PostgresStore::new(url(host, roots)).open().await;
        let error = opened.expect_err("it is not trusted").to_string();
        for part in parts {
            assert!(error.contains(part), "{host}, {roots:?}: {part:?} is not in: {error}");
        }
    }
    let config = url("localhost", &good);
    migrate(&config, 0).await.expect("its own authority is trusted");
    PostgresStore::new(config).open().await.expect("its own authority is trusted");
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '% lane %'";
    assert_eq!(server.psql(sql).expect("it answers"), "0", "connections are made when needed");
}

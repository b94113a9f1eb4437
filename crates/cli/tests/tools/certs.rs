//! `tenure certs`.

use std::os::unix::fs::PermissionsExt;

use tenure_transport::TlsIdentity;

use crate::world::command;

fn certs(folder: &std::path::Path, nodes: &[&str]) -> std::process::Output {
    let mut command = command(&["certs", "shop"]);
    command.args(nodes).arg("--folder").arg(folder);
    command.output().expect("it runs")
}

#[test]
fn certificates_are_made_once_and_by_one_authority() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("certs");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it was made");
    let first = certs(&folder, &["n1", "n2"]);
    assert!(first.status.success(), "{first:?}");
    let authority = text("authority.pem");
    assert!(certs(&folder, &["n3"]).status.success());
    assert_eq!(text("authority.pem"), authority, "it is the same");
    for node in ["n1", "n2", "n3"] {
        let (certificate, key) = (text(&format!("{node}.pem")), text(&format!("{node}.key")));
        TlsIdentity::from_pem(&authority, &certificate, &key).expect("they fit together");
        let mode = std::fs::metadata(folder.join(format!("{node}.key"))).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    let key = text("n1.key");
    let again = certs(&folder, &["n4", "n1"]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("n1.pem is there already"), "{said}");
    assert_eq!(text("n1.key"), key);
    assert!(!folder.join("n4.pem").exists(), "all or nothing");
}

#[test]
fn names_that_are_none_are_refused() {
    for arguments in [&["certs", "Shop", "n1"][..], &["certs", "shop", "n 1"], &["certs", "shop"]] {
        let output = command(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

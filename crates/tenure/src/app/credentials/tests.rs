use super::*;
use crate::config::Configuration;
use crate::seams::SystemClock;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// For `{"sub":"carol","role":"guest","exp":4102444800}` and [`SECRET`].
const CAROL: &str = "eyJhbGciOiJIUzI1NiJ9.\
    eyJzdWIiOiJjYXJvbCIsInJvbGUiOiJndWVzdCIsImV4cCI6NDEwMjQ0NDgwMH0.\
    jWjyYzfMreCiVjoyB7EBDOx6JzA9G-SAMVb-AtphBYM";

fn with(settings: &[(&str, &str)]) -> Result<Option<KeyFiles>> {
    let flags: Vec<_> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let configuration = Configuration::read(None, [], &flags).expect("readable");
    KeyFiles::read(&configuration.settings().auth, Arc::new(SystemClock::new()))
}

#[test]
fn nothing_lets_everybody_in_and_an_empty_file_nobody() {
    assert!(with(&[]).expect("nothing is wrong").is_none());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys");
    let name = file.to_str().expect("a text");
    assert!(with(&[("auth.api_keys_file", name)]).is_err(), "there is no file");
    std::fs::write(&file, "# none yet\n").expect("a file");
    assert!(with(&[("auth.api_keys_file", name)]).is_err(), "there is no key");
    std::fs::write(&file, "alice 0123456789abcdef\n").expect("a file");
    let read = with(&[("auth.api_keys_file", name)]).expect("a key").expect("some");
    assert!(read.credentials().tokens().is_none());
    std::fs::write(&file, format!("{SECRET}\n")).expect("a file");
    let read = with(&[("auth.jwt_secret_file", name)]).expect("a secret").expect("some");
    let claims = read.credentials().tokens().expect("tokens").verify(CAROL).expect("a good one");
    assert_eq!(claims.subject, "carol");
    assert!(with(&[("auth.jwt_secret", "short")]).is_err());
    assert!(with(&[("auth.jwt_jwks_file", name)]).is_err(), "that is no key set");
    let large = usize::try_from(FILE_BYTES_MAX).expect("a size") + 1;
    std::fs::write(&file, "x".repeat(large)).expect("a file");
    let Err(error) = with(&[("auth.jwt_secret_file", name)]) else { panic!("it is too large") };
    assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn files_that_change_are_read_again_and_broken_ones_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).expect("a file");
    let name = file.to_str().expect("a text");
    let mut files = with(&[("auth.jwt_secret_file", name)]).expect("a secret").expect("some");
    assert!(files.has_files());
    let tokens = Arc::clone(files.credentials().tokens().expect("tokens"));
    assert!(tokens.verify(CAROL).is_ok());
    // Half written, without its end, away: the old one stays.
    for broken in ["", "0123456789", "\n"] {
        std::fs::write(&file, broken).expect("a file");
        files.look();
        assert!(tokens.verify(CAROL).is_ok(), "{broken:?}");
    }
    std::fs::remove_file(&file).expect("it was there");
    files.look();
    assert!(tokens.verify(CAROL).is_ok());
    let other = "fedcba9876543210fedcba9876543210";
    std::fs::write(&file, other).expect("a file");
    files.look();
    assert!(tokens.verify(CAROL).is_err(), "the new one counts");
    std::fs::write(&file, SECRET).expect("a file");
    files.look();
    assert!(tokens.verify(CAROL).is_ok());
}

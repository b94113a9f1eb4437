//! The values of settings: how they are written.

use std::time::Duration;

use tenure_store_postgres::{ConfigError, PostgresConfig};

/// Reads `10m`, `30s`, `200ms`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("write a duration as 200ms, 30s, 10m or 1h".to_owned()),
    };
    whole(number)?
        .checked_mul(factor_ms)
        .map(Duration::from_millis)
        .ok_or_else(|| "the duration is too long".to_owned())
}

/// Reads `1048576`, `64KiB`, `1MiB`, `2GiB`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("write a size as 1048576, 64KiB, 1MiB or 2GiB".to_owned()),
    };
    whole(number)?.checked_mul(factor).ok_or_else(|| "the size is too large".to_owned())
}

/// Reads a whole number above zero.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let number = whole(text)?;
    usize::try_from(number)
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| "write a number from 1".to_owned())
}

/// Reads `127.0.0.1:7070`; a bare `:7070` means loopback.
pub(super) fn address(text: &str) -> Result<std::net::SocketAddr, String> {
    let text = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    text.parse()
        .map_err(|_| "write an address and a port, as 127.0.0.1:7070 or [::]:7070".to_owned())
}

/// Reads `true` and `false`.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "write true or false".to_owned())
}

/// Reads `a, b`, and `["a", "b"]` as a file has it.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if !text.starts_with('[') {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        return Ok(words.map(str::to_owned).collect());
    }
    let wrong = || "write a list of texts, as [\"a\", \"b\"] or a, b".to_owned();
    let table: toml::Table = format!("list = {text}").parse().map_err(|_| wrong())?;
    let all = table.get("list").and_then(toml::Value::as_array).ok_or_else(wrong)?;
    all.iter().map(|it| it.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// Reads the name of a file; nothing for none.
pub(super) fn optional_path(text: &str) -> Result<Option<std::path::PathBuf>, String> {
    Ok((!text.is_empty()).then(|| text.into()))
}

fn split(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number".to_owned())
}

/// The URL of a database; none where it is empty.
pub(super) fn database(text: &str) -> Result<Option<PostgresConfig>, String> {
    match text {
        "" => Ok(None),
        url => url.parse().map(Some).map_err(|error: ConfigError| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        for wrong in
            ["", "10", "ten s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("7"), Ok(7));
        for wrong in ["", "1MB", "x", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        let two = Ok(vec!["a".to_owned(), "b c".to_owned()]);
        assert_eq!((list("a, b c"), list("[\"a\", \"b c\"]")), (two.clone(), two));
        assert_eq!((list(""), list("[]")), (Ok(Vec::new()), Ok(Vec::new())));
        assert!(list("[1]").is_err() && list("[\"a\"").is_err());
        assert_eq!(count("3"), Ok(3));
        assert!(count("0").is_err());
        assert_eq!(address(":7070"), Ok(([127, 0, 0, 1], 7070).into()));
        assert!(address("localhost").is_err());
    }
}

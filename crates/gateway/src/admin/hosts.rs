//! Who may be meant by a request to the admin server, and which web pages may send one.

use std::net::IpAddr;

use hyper::header::{HOST, HeaderMap, ORIGIN};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// Another site's name points here (DNS rebinding), or this node's own is not configured.
    Host,
    /// A page of another site sent it.
    Site,
}

/// Refuses what a web page of another site could have sent.
///
/// IP addresses are let through: a page that rebinds its own name still sends that name.
pub(super) fn check(headers: &HeaderMap, names: &[String]) -> Result<(), Foreign> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() || !host.is_some_and(|host| is_own(host, names)) {
        return Err(Foreign::Host);
    }
    let from_here = match headers.get(ORIGIN) {
        None => true,
        Some(origin) => {
            let origin = origin.to_str().unwrap_or_default();
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some_and(|authority| is_own(authority, names))
        }
    };
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    match site {
        None | Some(b"none" | b"same-origin") if from_here => Ok(()),
        _ => Err(Foreign::Site),
    }
}

fn is_own(authority: &str, names: &[String]) -> bool {
    let name = without_port(authority);
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    if bare.unwrap_or(name).parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is = |own: &str| name.eq_ignore_ascii_case(own);
    is("localhost") || names.iter().any(|own| is(own))
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_node_and_its_own_pages_may_ask() {
        let names = ["node1.internal".to_owned()];
        for (host, origin, site, expected) in [
            ("localhost:7071", None, None, Ok(())),
            ("LOCALHOST", None, None, Ok(())),
            ("localhost.", None, None, Ok(())),
            ("127.0.0.1:7071", None, None, Ok(())),
            ("[::1]:7071", None, None, Ok(())),
            ("[::1]", None, None, Ok(())),
            ("10.1.2.3:7071", None, None, Ok(())),
            ("node1.internal:7071", None, None, Ok(())),
            ("evil.example", None, None, Err(Foreign::Host)),
            ("localhost.evil.example", None, None, Err(Foreign::Host)),
            ("evil.example:localhost", None, None, Err(Foreign::Host)),
            ("node2.internal", None, None, Err(Foreign::Host)),
            ("", None, None, Err(Foreign::Host)),
            ("localhost", Some("http://localhost:7071"), Some("same-origin"), Ok(())),
            ("localhost", None, Some("none"), Ok(())),
            ("localhost", None, Some("cross-site"), Err(Foreign::Site)),
            ("localhost", None, Some("same-site"), Err(Foreign::Site)),
            ("localhost", Some("https://evil.example"), None, Err(Foreign::Site)),
            ("localhost", Some("null"), None, Err(Foreign::Site)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            assert_eq!(check(&headers, &names), expected, "{host} {origin:?} {site:?}");
        }
        let mut twice = HeaderMap::new();
        assert_eq!(check(&twice, &names), Err(Foreign::Host));
        twice.append(HOST, "localhost".parse().unwrap());
        twice.append(HOST, "evil.example".parse().unwrap());
        assert_eq!(check(&twice, &names), Err(Foreign::Host));
    }
}

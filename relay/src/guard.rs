//! Who may ask at all?
//!
//! A page of another site must not reach the relay through its visitor's browser:
//! * its requests name their own origin, which is then not the host that was asked;
//! * a name of its own that it points at this machine (DNS rebinding) stands in `Host`, which
//!   must therefore be an IP address, `localhost`, or a name that was allowed on purpose.
//!
//! Programs send no origin. Whether they may join is decided by their token.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Names beside IP addresses and `localhost` by which the relay may be called.
pub(crate) type AllowedHosts = Arc<[String]>;

/// Lets a request through, or says why not.
pub(crate) async fn guard(State(allowed): State<AllowedHosts>, request: Request, next: Next) -> Response {
    match check(request.headers(), request.version(), request.uri().authority(), &allowed) {
        Ok(()) => next.run(request).await,
        Err(refusal) => (StatusCode::FORBIDDEN, format!("{refusal}\n")).into_response(),
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No host, or more than one.
    #[error("refused: the request must name one host")]
    NoHost,
    /// A name that somebody else may own.
    #[error("refused: the host \"{0}\" is not served here; open the page by IP address or as localhost")]
    ForeignHost(String),
    /// Another site's page.
    #[error("refused: a page of {0} may not use this relay; open the page that the relay itself serves")]
    ForeignOrigin(String),
}

fn check(headers: &HeaderMap, version: Version, target: Option<&Authority>, allowed: &[String]) -> Result<(), Refusal> {
    let mut named = headers.get_all(HOST).iter();
    let host = match (named.next(), named.next(), target) {
        (Some(host), None, _) => {
            host.to_str().ok().and_then(|text| text.parse::<Authority>().ok()).ok_or(Refusal::NoHost)?
        }
        (None, None, Some(target)) if version == Version::HTTP_2 => target.clone(),
        _ => return Err(Refusal::NoHost),
    };
    if host.as_str().contains('@') {
        return Err(Refusal::NoHost);
    }
    if !is_own_name(host.host(), allowed) {
        return Err(Refusal::ForeignHost(host.host().into()));
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) => {
            let text = String::from_utf8_lossy(origin.as_bytes());
            let own = ["http://", "https://"]
                .iter()
                .filter_map(|scheme| text.strip_prefix(scheme))
                .any(|authority| authority.eq_ignore_ascii_case(host.as_str()));
            if own { Ok(()) } else { Err(Refusal::ForeignOrigin(text.chars().take(100).collect())) }
        }
        (Some(_), Some(_)) => Err(Refusal::ForeignOrigin("several origins".into())),
    }
}

fn is_own_name(host: &str, allowed: &[String]) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok()
        || bare.parse::<Ipv6Addr>().is_ok()
        || allowed.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, origin: Option<&str>) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        check(&headers, Version::HTTP_11, None, &["lab.example".into()])
    }

    #[test]
    fn addresses_localhost_and_allowed_names_are_our_own() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "192.168.1.7", "lab.example:80"] {
            assert_eq!(asked(host, None), Ok(()), "{host}");
        }
    }

    #[test]
    fn a_rebound_name_is_refused() {
        for host in ["evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "lab.example.evil"] {
            assert!(matches!(asked(host, None), Err(Refusal::ForeignHost(_))), "{host}");
        }
        assert_eq!(asked("user@127.0.0.1", None), Err(Refusal::NoHost));
    }

    #[test]
    fn only_the_page_that_is_served_here_may_ask() {
        assert_eq!(asked("127.0.0.1:8080", Some("http://127.0.0.1:8080")), Ok(()));
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:3000",
            "http://127.0.0.1:8080.evil.example",
            "file://127.0.0.1:8080",
            "",
        ] {
            assert!(matches!(asked("127.0.0.1:8080", Some(origin)), Err(Refusal::ForeignOrigin(_))), "{origin}");
        }
    }

    #[test]
    fn a_request_without_a_host_or_with_two_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(check(&headers, Version::HTTP_11, None, &[]), Err(Refusal::NoHost));
        headers.append(HOST, "127.0.0.1".parse().unwrap());
        headers.append(HOST, "evil.example".parse().unwrap());
        assert_eq!(check(&headers, Version::HTTP_11, None, &[]), Err(Refusal::NoHost));
    }
}

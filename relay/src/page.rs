//! How does the built page reach a browser?
//!
//! From one folder, and from nowhere else: `ServeDir` refuses paths that leave
//! it. The page may load and connect to this relay alone; a browser asks for
//! every file whether it has changed, so that a rebuilt page is never mixed.

use std::path::Path;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// What the page may do. Scripts and wasm are its own: files from here, and the inline scripts that stand in its
/// `index.html` when the relay starts, named by their digests. Styles may be set on elements, which is how the scene
/// is drawn.
fn policy(index: &str) -> String {
    let own: String = inline_scripts(index)
        .map(|script| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))))
        .collect();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{own}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
}

/// The contents of script elements, as far as a page of our own writes them: lower case, no `>` in attributes.
fn inline_scripts(index: &str) -> impl Iterator<Item = &str> {
    index.split("<script").skip(1).filter_map(|rest| {
        let (_, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!script.is_empty()).then_some(script)
    })
}

/// Serves `folder` at `/`; without a folder there is no page, and the answer says so.
pub(crate) fn page(folder: Option<&Path>) -> Router {
    let router = match folder {
        Some(folder) => {
            let files = ServeDir::new(folder).precompressed_br().precompressed_gzip();
            Router::new().fallback_service(files)
        }
        None => Router::new().fallback(|| async {
            (StatusCode::NOT_FOUND, "this relay serves no page; start it with --page DIR\n").into_response()
        }),
    };
    let index = folder.and_then(|folder| std::fs::read_to_string(folder.join("index.html")).ok());
    // A digest in base64 is a valid header value.
    let policy = HeaderValue::from_str(&policy(index.as_deref().unwrap_or_default()));
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = [
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    headers.into_iter().fold(router, |router: Router, (name, value): (HeaderName, HeaderValue)| {
        router.layer(SetResponseHeaderLayer::overriding(name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_own_inline_script_may_run_and_no_other() {
        let index = "<head><script src=\"a.js\"></script><script type=\"module\">\n  init();\n</script></head>";
        assert_eq!(inline_scripts(index).collect::<Vec<_>>(), ["\n  init();\n"]);
        let allowed = policy(index);
        assert!(allowed.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-"), "{allowed}");
        assert!(!policy("").contains("sha256"));
    }
}

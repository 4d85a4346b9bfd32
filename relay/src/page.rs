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
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// Scripts and wasm of our own, no inline scripts; styles may be set on elements, which is how the scene is drawn.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Headers of every answer, errors included.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (CACHE_CONTROL, "no-cache"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
];

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
    HEADERS.into_iter().fold(router, |router, (name, value)| {
        router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)))
    })
}

//! What pages load: a style, a script and an icon.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// What is in the program.
pub(crate) struct Asset {
    /// With what it holds in it: another content is another URL, which no browser has kept.
    pub url: String,
    kind: &'static str,
    content: &'static str,
}

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style.css", "text/css; charset=utf-8", include_str!("../assets/style.css"))
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console.js", "text/javascript; charset=utf-8", include_str!("../assets/console.js"))
});
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")));

impl Asset {
    fn new(name: &str, kind: &'static str, content: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        Self { url: format!("/assets/{:016x}/{name}", hasher.finish()), kind, content }
    }
}

pub(crate) async fn asset(Path((hash, name)): Path<(String, String)>) -> Response {
    let url = format!("/assets/{hash}/{name}");
    match [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.url == url) {
        Some(asset) => {
            let kept = (CACHE_CONTROL, "public, max-age=31536000, immutable");
            ([(CONTENT_TYPE, asset.kind), kept], asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

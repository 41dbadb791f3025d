//! Static files: embedded, named by their content's hash, compressed once.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::secrets::sha256_hex;
use crate::web::html::Plain;

macro_rules! files {
    ($($name:literal $path:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../static/", $path)))),*]
    };
}

/// The style sheet comes after them, since it names some.
static FILES: &[(&str, &[u8])] = files! {
    "chevron.svg" "chevron.svg",
    "chevron-dark.svg" "chevron-dark.svg",
    "favicon.svg" "favicon.svg",
    "icons.svg" "icons.svg",
    "inter-latin-wght-normal.woff2" "vendor/inter-latin-wght-normal.woff2",
    "inter-latin-ext-wght-normal.woff2" "vendor/inter-latin-ext-wght-normal.woff2",
    "geist-mono-latin-wght-normal.woff2" "vendor/geist-mono-latin-wght-normal.woff2",
    "htmx.min.js" "vendor/htmx.min.js",
    "app.js" "app.js",
};

/// One sheet, so that there is no moment in which Basecoat's rules hold without ours: some of those name
/// images that the content security policy forbids, and ours take them back.
const STYLE: &str = concat!(
    include_str!("../../static/vendor/basecoat-nova.cdn.min.css"),
    "\n",
    include_str!("../../static/app.css")
);

const LICENCES: &str = concat!(
    "Interlock ships these packages. Their licences follow.\n\n",
    "==== basecoat-css 1.0.2 ====\n\n",
    include_str!("../../static/licences/basecoat-css.txt"),
    "\n\n==== htmx.org 2.0.11 ====\n\n",
    include_str!("../../static/licences/htmx.txt"),
    "\n\n==== @fontsource-variable/inter 5.3.0 ====\n\n",
    include_str!("../../static/licences/inter.txt"),
    "\n\n==== @fontsource-variable/geist-mono 5.3.0 ====\n\n",
    include_str!("../../static/licences/geist-mono.txt"),
    "\n\n==== lucide-static 1.62.0 ====\n\n",
    include_str!("../../static/licences/lucide.txt"),
);

struct Asset {
    content_type: &'static str,
    plain: Vec<u8>,
    gzip: Option<Vec<u8>>,
}

struct Assets {
    /// "app.css" → "/static/app.0123456789abcdef.css"
    urls: HashMap<&'static str, String>,
    /// By the name with its hash.
    served: HashMap<String, Asset>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets { urls: HashMap::new(), served: HashMap::new() };
    for (name, bytes) in FILES.iter().chain(&[("app.css", STYLE.as_bytes())]) {
        let bytes = if *name == "app.css" { with_urls(bytes, &assets.urls) } else { bytes.to_vec() };
        let hash = &sha256_hex(&bytes)[..16];
        let (stem, ending) = name.rsplit_once('.').expect("an asset's name has an ending");
        let hashed = format!("{stem}.{hash}.{ending}");
        assets.urls.insert(name, format!("/static/{hashed}"));
        assets.served.insert(
            hashed,
            Asset { content_type: content_type(ending), gzip: gzip(&bytes, ending), plain: bytes },
        );
    }
    assets
});

/// The style sheet once more, for pages at a tool's host: what it names is under `/.interlock/` there, and the rest of
/// the host is the tool's.
static TOOL_STYLE: LazyLock<(String, Asset)> = LazyLock::new(|| {
    let css = with_urls(STYLE.as_bytes(), &ASSETS.urls);
    let css =
        String::from_utf8_lossy(&css).replace("url(\"/static/", "url(\"/.interlock/static/").into_bytes();
    let name = format!("tool.{}.css", &sha256_hex(&css)[..16]);
    (name, Asset { content_type: content_type("css"), gzip: gzip(&css, "css"), plain: css })
});

/// Where it is, under `/.interlock`.
pub fn tool_style() -> String {
    format!("/static/{}", TOOL_STYLE.0)
}

/// Names in the style sheet become the names with hashes.
fn with_urls(css: &[u8], urls: &HashMap<&'static str, String>) -> Vec<u8> {
    let mut css = String::from_utf8_lossy(css).into_owned();
    for (name, url) in urls {
        for written in [format!("url(\"{name}\")"), format!("url(\"vendor/{name}\")")] {
            css = css.replace(&written, &format!("url(\"{url}\")"));
        }
    }
    css.into_bytes()
}

fn content_type(ending: &str) -> &'static str {
    match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "font/woff2",
    }
}

fn gzip(bytes: &[u8], ending: &str) -> Option<Vec<u8>> {
    if ending == "woff2" {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Where a static file is served. A name that does not exist is a bug of a template.
pub fn url(name: &str) -> &'static str {
    ASSETS.urls.get(name).unwrap_or_else(|| panic!("there is no static file {name}"))
}

/// The icons, which every page names many times.
pub fn icons() -> Plain<&'static str> {
    static ICONS: LazyLock<Plain<&'static str>> = LazyLock::new(|| Plain::new(url("icons.svg")));
    *ICONS
}

/// Done at the start and not at the first request.
pub fn prepare() {
    LazyLock::force(&ASSETS);
}

/// A name holds its content's hash, so that it may be kept for ever.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.served.get(&name) {
        Some(asset) => kept_for_ever(asset, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The same at a tool's host.
pub async fn serve_at_tool(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.served.get(&name).or((name == TOOL_STYLE.0).then_some(&TOOL_STYLE.1)) {
        Some(asset) => kept_for_ever(asset, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn kept_for_ever(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let common = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "Accept-Encoding"),
    ];
    let accepts_gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim().starts_with("gzip")));
    match &asset.gzip {
        Some(gzip) if accepts_gzip => {
            (common, [(header::CONTENT_ENCODING, "gzip")], gzip.as_slice()).into_response()
        }
        _ => (common, asset.plain.as_slice()).into_response(),
    }
}

pub async fn licences() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], LICENCES).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_names_files_that_are_served() {
        let name = url("app.css").trim_start_matches("/static/");
        let css = String::from_utf8(ASSETS.served[name].plain.clone()).expect("a style sheet is text");
        let urls: Vec<&str> = css.split("url(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let (images, urls): (Vec<&str>, Vec<&str>) =
            urls.into_iter().partition(|url| url.starts_with("data:"));
        assert_eq!(images.len(), 6, "Basecoat's own images, which ours take back, and no more");
        assert!(urls.len() >= 5);
        for url in urls {
            let name = url.strip_prefix("/static/").unwrap_or_else(|| panic!("{url} was not rewritten"));
            assert!(ASSETS.served.contains_key(name), "{url}");
        }
    }
}

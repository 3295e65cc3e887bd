//! Paths and methods, understood as generously as some frameworks do.
//!
//! Left open on purpose: a gate that compares paths more strictly than its upstream can be walked around. With this upstream
//! `/V1//users/42/`, `/v1/users/42;x`, `/v1/%75sers/42`, `/v1/x/..%2fusers/42` and `\v1\users\42` are one and the same object.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::percent_encode;

use super::caller::last;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Rewrites method and target before the routes are looked at.
pub(super) async fn rewrite(mut request: Request, next: Next) -> Response {
    if let Some(method) = method_override(request.headers()) {
        *request.method_mut() = method;
    }
    let target = ["x-original-url", "x-rewrite-url"]
        .iter()
        .find_map(|name| last(request.headers(), name))
        .or_else(|| request.uri().path_and_query().map(ToString::to_string));
    if let Some(uri) = target.as_deref().and_then(canonical) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

fn method_override(headers: &HeaderMap) -> Option<Method> {
    ["x-http-method-override", "x-http-method", "x-method-override"]
        .iter()
        .find_map(|name| last(headers, name))
        .and_then(|method| Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok())
}

/// The one spelling of a path with a query.
fn canonical(target: &str) -> Option<Uri> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = canonical_path(path);
    query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")).parse().ok()
}

/// Decodes once, takes `\` for `/`, cuts `;…` off each segment, drops empty and dot segments, and lower-cases.
fn canonical_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in decoded.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut path: String = segments
        .into_iter()
        .map(|segment| format!("/{}", percent_encode(&segment.to_ascii_lowercase(), UNRESERVED)))
        .collect();
    if path.is_empty() {
        path.push('/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_many_spellings_for_one_path() {
        for spelling in [
            "/v1/users/42",
            "/V1//users/42/",
            "/v1/users/42;x=y",
            "/v1/%75sers/42",
            "/v1/x/..%2fusers/42",
            "/v1/./users/%2e/42",
            "\\v1\\users\\42",
            "/../v1/users%5c42",
        ] {
            assert_eq!(canonical_path(spelling), "/v1/users/42", "{spelling}");
        }
    }

    #[test]
    fn keeps_what_is_left_over_a_valid_path() {
        assert_eq!(canonical_path("/a b/%00/\u{e9}%25"), "/a%20b/%00/%C3%A9%25");
        assert_eq!(canonical_path(""), "/");
        assert_eq!(canonical("/A?q=%2F//B").unwrap(), "/a?q=%2F//B");
    }
}

//! Whether a proof was made for the request that it came with: `htu` against what the request shows.
//!
//! Both are normalised before they are compared (RFC 9449, section 4.3; RFC 3986, sections 6.2.2 and 6.2.3): scheme and
//! host in lower case, no default port, no dot segments, unreserved escapes decoded and the others in capitals, an empty
//! path is `/`. Query and fragment are left aside.

use crate::model::headers::Headers;
use crate::model::host::Host;

/// Whether `htu` names what the request is for.
///
/// What the client wrote was the address that it knows. The scheme of the request's head is the last hop's, not the
/// client's, so it is not looked at: `https` is always right, for whoever ends TLS in front has done so; `http` is right
/// only where `in_cleartext` says that the client came without TLS.
pub(crate) fn matches(htu: &str, headers: &Headers, in_cleartext: &dyn Fn() -> bool) -> bool {
    let Some((secure, authority, path)) = split(htu) else { return false };
    let (Some(host), Some(target)) = (headers.single(":authority").one(), headers.single(":path").one())
    else {
        return false;
    };
    let default = if secure { 443 } else { 80 };
    let same_place = place(authority.as_bytes(), default)
        .is_some_and(|wanted| place(host, default).is_some_and(|here| here == wanted));
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let here = target.get(..end).and_then(normalised);
    let same_path = here.is_some() && here == normalised(path.as_bytes());
    same_place && same_path && (secure || in_cleartext())
}

/// Whether it is `https`, the authority, and the path without query and fragment.
fn split(htu: &str) -> Option<(bool, &str, &str)> {
    if !htu.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let (scheme, rest) = htu.split_once("://")?;
    let secure = match scheme {
        it if it.eq_ignore_ascii_case("https") => true,
        it if it.eq_ignore_ascii_case("http") => false,
        _ => return None,
    };
    let whole = rest.split(['?', '#']).next()?;
    let (authority, path) = whole.split_at_checked(whole.find('/').unwrap_or(whole.len()))?;
    Some((secure, authority, path))
}

/// Host and port of an authority; user information is in none that [`Host`] reads.
fn place(authority: &[u8], default: u16) -> Option<(Host, u16)> {
    let host = Host::parse(authority)?;
    let text = std::str::from_utf8(authority).ok()?;
    let port = match text.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') && !port.is_empty() => port.parse().ok()?,
        _ => default,
    };
    Some((host, port))
}

/// An absolute path as all spellings of it have it; `None` where an escape is none.
fn normalised(path: &[u8]) -> Option<Vec<u8>> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let mut rest = match path {
        [] => &[][..],
        [b'/', rest @ ..] => rest,
        _ => return None,
    }
    .split(|byte| *byte == b'/')
    .peekable();
    while let Some(segment) = rest.next() {
        let last = rest.peek().is_none();
        match unescaped(segment)?.as_slice() {
            b"." => {}
            b".." => drop(segments.pop()),
            plain => {
                segments.push(plain.to_vec());
                continue;
            }
        }
        if last {
            segments.push(Vec::new());
        }
    }
    Some([&b"/"[..], &segments.join(&b'/')].concat())
}

/// A segment whose unreserved escapes are decoded, and whose others are in capitals.
fn unescaped(segment: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(segment.len());
    let mut bytes = segment.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (high, low) = (bytes.next()?, bytes.next()?);
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let code = digit(high)?.wrapping_shl(4) | digit(low)?;
        if code.is_ascii_alphanumeric() || matches!(code, b'-' | b'.' | b'_' | b'~') {
            out.push(code);
        } else {
            out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    Some(out)
}

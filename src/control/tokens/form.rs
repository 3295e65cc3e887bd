//! What a token is before anybody vouches for it: the compact form of RFC 7515, taken apart strictly.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Map;
use serde_json::Value;

use crate::bytes;
use crate::control::tokens::json;
use crate::refusal::Reason;

/// The longest token, in bytes. Hosts bound all headers together at 60 KiB or so; honest tokens are 1 to 2 KiB.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// A compact JWS taken apart: a token, or a proof. Nothing in here is verified.
pub(crate) struct Parts<'t> {
    /// What was signed: the first two parts as sent, with the dot between them.
    pub(crate) input: &'t [u8],
    /// The header's members.
    pub(crate) header: Map<String, Value>,
    /// The claims' bytes, to be read once the signature is known to be good.
    pub(crate) payload: Vec<u8>,
    /// The signature's bytes; empty in an unsecured token.
    pub(crate) signature: Vec<u8>,
}

/// A token's parts. Nothing in here is verified.
pub(crate) struct Form<'t> {
    /// What was signed: the first two parts as sent, with the dot between them.
    pub(crate) input: &'t [u8],
    /// The header members that choose how to verify.
    pub(crate) header: Header,
    /// The claims' bytes, to be read once the signature is known to be good.
    pub(crate) payload: Vec<u8>,
    /// The signature's bytes; empty in an unsecured token.
    pub(crate) signature: Vec<u8>,
}

/// The header members that are looked at. Keys that a token brings or points to (`jwk`, `jku`, `x5c`, `x5u`) are not.
pub(crate) struct Header {
    /// `alg`
    pub(crate) algorithm: String,
    /// `kid`
    pub(crate) kid: Option<String>,
    /// `typ`
    pub(crate) kind: Option<String>,
}

impl<'t> Parts<'t> {
    /// Takes a JWS apart, whose length the caller bounds. The first that fits: a byte that none has, five parts (JWE),
    /// not three parts, a part that is not base64url in its one canonical form (RFC 7515, section 2), a header that is no
    /// strict JSON object, `crit` or `b64` (this filter understands no extension).
    pub(crate) fn read(token: &'t [u8]) -> Result<Self, Reason> {
        let (first, second) = dots(token)?;
        let malformed = || Reason::TokensMalformed;
        let (input, signature) = token.split_at_checked(second).ok_or_else(malformed)?;
        let (header, payload) = input.split_at_checked(first).ok_or_else(malformed)?;
        let header = decode(header).and_then(|text| json::object(&text)).ok_or_else(malformed)?;
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(unless_foreign(token, Reason::TokensCritical));
        }
        let payload = decode(payload.get(1..).ok_or_else(malformed)?).ok_or_else(malformed)?;
        let signature = decode(signature.get(1..).ok_or_else(malformed)?).ok_or_else(malformed)?;
        Ok(Self { input, header, payload, signature })
    }
}

/// Where the two dots of a token stand, if it has no other.
fn dots(token: &[u8]) -> Result<(usize, usize), Reason> {
    let next = |at: usize| {
        let after = at.checked_add(1)?;
        bytes::find(token.get(after..)?, b'.')?.checked_add(after)
    };
    let first = bytes::find(token, b'.').ok_or(Reason::TokensMalformed)?;
    let second = next(first).ok_or(Reason::TokensMalformed)?;
    if next(second).is_none() {
        return Ok((first, second));
    }
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    Err(if dots == 4 { unless_foreign(token, Reason::TokensEncrypted) } else { Reason::TokensMalformed })
}

/// What is wrong with a token, unless it has a byte that none has: that goes before. Whose parts all decode has none.
fn unless_foreign(token: &[u8], reason: Reason) -> Reason {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if token.iter().all(known) { reason } else { Reason::TokensMalformed }
}

impl<'t> Form<'t> {
    /// Takes a token apart: too long, what [`Parts::read`] refuses, a header member of the wrong type.
    pub(crate) fn read(token: &'t [u8]) -> Result<Self, Reason> {
        if token.len() > MAX_TOKEN {
            return Err(Reason::TokensTooLong);
        }
        let Parts { input, header, payload, signature } = Parts::read(token)?;
        Ok(Self { input, header: Header::read(header)?, payload, signature })
    }
}

impl Header {
    fn read(mut members: Map<String, Value>) -> Result<Self, Reason> {
        let mut string = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(it)) => Ok(Some(it)),
            Some(_) => Err(Reason::TokensMalformed),
        };
        let algorithm = string("alg")?.ok_or(Reason::TokensMalformed)?;
        Ok(Self { algorithm, kid: string("kid")?, kind: string("typ")? })
    }
}

/// Base64url without padding, white space or stray trailing bits: one text for the same bytes.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_ref()).ok()
}

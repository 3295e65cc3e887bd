//! What a token is before anybody vouches for it: the compact form of RFC 7515, taken apart strictly.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Map;
use serde_json::Value;

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
            return Err(Reason::TokensCritical);
        }
        let payload = decode(payload.get(1..).ok_or_else(malformed)?).ok_or_else(malformed)?;
        let signature = decode(signature.get(1..).ok_or_else(malformed)?).ok_or_else(malformed)?;
        Ok(Self { input, header, payload, signature })
    }
}

/// What a byte of a token may be, looked up, since a token has a thousand: of the alphabet of base64url, or a dot.
const KINDS: [Kind; 256] = kinds();

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Letter,
    Dot,
    Foreign,
}

const fn kinds() -> [Kind; 256] {
    let mut kinds = [Kind::Foreign; 256];
    let mut byte: u8 = 0;
    loop {
        let kind = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => Kind::Letter,
            b'.' => Kind::Dot,
            _ => Kind::Foreign,
        };
        #[expect(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
        {
            kinds[byte as usize] = kind;
        }
        match byte.checked_add(1) {
            Some(next) => byte = next,
            None => return kinds,
        }
    }
}

/// Where the two dots of a token stand, if it has no other and no byte that none has.
fn dots(token: &[u8]) -> Result<(usize, usize), Reason> {
    let mut found = [0; 2];
    let (mut dots, mut foreign) = (0_usize, false);
    for (at, byte) in token.iter().enumerate() {
        match KINDS.get(usize::from(*byte)) {
            Some(Kind::Letter) => {}
            Some(Kind::Dot) => {
                if let Some(place) = found.get_mut(dots) {
                    *place = at;
                }
                dots = dots.saturating_add(1);
            }
            _ => foreign = true,
        }
    }
    let [first, second] = found;
    match dots {
        _ if foreign => Err(Reason::TokensMalformed),
        2 => Ok((first, second)),
        4 => Err(Reason::TokensEncrypted),
        _ => Err(Reason::TokensMalformed),
    }
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

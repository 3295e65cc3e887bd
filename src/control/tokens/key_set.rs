//! A set of keys (RFC 7517, section 5), replaced as a whole.

use std::fmt;

use hmac_sha256::Hash;
use serde_json::Value;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::json;
use crate::control::tokens::key::Key;
use crate::control::tokens::key::Unusable;
use crate::refusal::Reason;

/// The largest key set, in bytes of JSON.
pub const MAX_BYTES: usize = 256 * 1024;

/// The most keys that a set may have.
pub const MAX_KEYS: usize = 100;

/// The most keys that one token is tried against.
const MAX_TRIES: usize = 4;

/// The keys that one definition trusts.
pub struct KeySet {
    keys: Vec<Key>,
    fingerprint: [u8; 32],
}

/// A key of a set that is passed over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Its place in the set, from 0.
    pub index: usize,
    /// Why.
    pub why: Unusable,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} is passed over: {}", self.index, self.why)
    }
}

/// Why a text is no key set. A fetch that ends so is a failed fetch; the last good keys stay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFault {
    /// Above [`MAX_BYTES`].
    TooLarge,
    /// Not strict JSON, or not an object with a list `keys`.
    NotAKeySet,
    /// Above [`MAX_KEYS`].
    TooManyKeys,
    /// Every key was passed over; why the first was, if there is one.
    NoUsableKey(Option<Unusable>),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the key set is above {MAX_BYTES} bytes"),
            Self::NotAKeySet => {
                f.write_str("this is no JSON Web Key Set: an object with a list `keys`, no name twice")
            }
            Self::TooManyKeys => write!(f, "the key set has more than {MAX_KEYS} keys"),
            Self::NoUsableKey(None) => f.write_str("the key set is empty"),
            Self::NoUsableKey(Some(why)) => write!(f, "the key set has no usable key; of the first: {why}"),
        }
    }
}

impl KeySet {
    /// Reads a JSON Web Key Set for a definition that accepts `algorithms`.
    ///
    /// # Errors
    /// [`KeyFault`], which tells nothing of the keys.
    pub fn parse(json: &[u8], algorithms: &[Algorithm]) -> Result<(Self, Vec<Skipped>), KeyFault> {
        if json.len() > MAX_BYTES {
            return Err(KeyFault::TooLarge);
        }
        let set = json::object(json).ok_or(KeyFault::NotAKeySet)?;
        let Some(Value::Array(list)) = set.get("keys") else { return Err(KeyFault::NotAKeySet) };
        if list.len() > MAX_KEYS {
            return Err(KeyFault::TooManyKeys);
        }
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (index, jwk) in list.iter().enumerate() {
            match Key::from_jwk(jwk, algorithms) {
                Ok(key) => keys.push(key),
                Err(why) => skipped.push(Skipped { index, why }),
            }
        }
        if keys.is_empty() {
            return Err(KeyFault::NoUsableKey(skipped.first().map(|skipped| skipped.why)));
        }
        Ok((Self { keys, fingerprint: Hash::hash(json) }, skipped))
    }

    /// The set of one secret: its bytes as they are, at least 32.
    pub(crate) fn of_secret(secret: &[u8]) -> Result<Self, Unusable> {
        Ok(Self { keys: vec![Key::from_secret(secret)?], fingerprint: Hash::hash(secret) })
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none; never so for a set that was read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// SHA-256 of what the set was made of: two sets with the same one verify the same tokens.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The keys to try, at most 4. A `kid` chooses the keys of that name; keys without a name serve a token whose name
    /// nobody has, and a token without `kid` is tried against all that fit.
    ///
    /// # Errors
    /// `tokens.unknown_key` where no key is left, `tokens.algorithm` where the named key is for another algorithm.
    pub(crate) fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<&Key>, Reason> {
        let fitting = |wanted: &dyn Fn(&Key) -> bool| -> Vec<&Key> {
            let fits = |key: &&Key| wanted(key) && key.serves(algorithm);
            self.keys.iter().filter(fits).take(MAX_TRIES).collect()
        };
        let named = |key: &Key| kid.is_some_and(|kid| key.kid.as_deref() == Some(kid));
        let keys = match kid {
            None => fitting(&|_| true),
            Some(_) if self.keys.iter().any(named) => match fitting(&named) {
                keys if keys.is_empty() => return Err(Reason::TokensAlgorithm),
                keys => keys,
            },
            Some(_) => fitting(&|key| key.kid.is_none()),
        };
        if keys.is_empty() { Err(Reason::TokensUnknownKey) } else { Ok(keys) }
    }
}

//! Signature algorithms (RFC 7518, section 3.1; RFC 8037) and the kind of key that each needs.

/// An algorithm that a policy may list. `none` is not among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// What a key is made of. An algorithm works with one kind only, whatever a token's header claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// `kty: RSA`
    Rsa,
    /// `kty: EC`, `crv: P-256`
    P256,
    /// `kty: EC`, `crv: P-384`
    P384,
    /// `kty: OKP`, `crv: Ed25519`
    Ed25519,
    /// `kty: oct`
    Secret,
}

impl Algorithm {
    /// The names as RFC 7518 spells them; compared byte for byte.
    pub const WORDS: [(&'static str, Algorithm); 12] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
        ("HS256", Self::Hs256),
        ("HS384", Self::Hs384),
        ("HS512", Self::Hs512),
    ];

    /// The algorithm of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == name).map(|(_, algorithm)| *algorithm)
    }

    /// The name that RFC 7518 gives it.
    pub fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, algorithm)| *algorithm == self).map_or("", |(word, _)| word)
    }

    /// The kind of key that it works with.
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => KeyKind::Rsa,
            Self::Es256 => KeyKind::P256,
            Self::Es384 => KeyKind::P384,
            Self::EdDsa => KeyKind::Ed25519,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => KeyKind::Secret,
        }
    }
}

//! The documents that a policy's definitions need.

use hmac_sha256::Hash;

use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::polled::source::Source;

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A JSON Web Key Set.
    Keys,
    /// A revocation feed.
    Revoked,
}

/// One document that is fetched, for all definitions that read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Where it is: as often as the definition asks that asks most often, and with as much time as any gives.
    pub source: Source,
    /// Whose tokens it is about, for a feed; its entries mean nothing without.
    pub issuer: Box<str>,
    /// The definitions that read it, by index; never empty.
    pub definitions: Vec<usize>,
}

impl Document {
    /// The documents of these definitions, each once.
    pub fn all(definitions: &Definitions) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for definition in definitions.iter() {
            let keys = definition.jwks().map(|jwks| (Kind::Keys, &jwks.source, ""));
            let revocation = definition.revocation.as_ref();
            let feed = revocation.map(|it| (Kind::Revoked, &it.source, &*it.issuer));
            for (kind, source, issuer) in keys.into_iter().chain(feed) {
                let same =
                    |it: &&mut Self| it.kind == kind && &*it.issuer == issuer && it.source.same_place(source);
                let Some(known) = all.iter_mut().find(same) else {
                    let (source, issuer) = (source.clone(), issuer.into());
                    all.push(Self { kind, source, issuer, definitions: vec![definition.index] });
                    continue;
                };
                known.source.refresh = known.source.refresh.min(source.refresh);
                known.source.timeout = known.source.timeout.max(source.timeout);
                known.definitions.push(definition.index);
            }
        }
        all
    }

    /// What it is called in shared memory: by what and where it is, so that a new policy finds what the old one fetched,
    /// and with the version of the form in which it stands there.
    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Keys => "keys",
            Kind::Revoked => "revoked",
        };
        let mut hash = Hash::new();
        for part in [&self.source.cluster, &self.source.authority, &self.source.path, &self.issuer] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hex: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("portcullis.polled.v2.{kind}.{hex}")
    }
}

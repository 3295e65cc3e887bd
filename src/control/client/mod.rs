//! # Client: which app, in which version
//! **Refuses** an app older than its platform's `minimum` (`client.outdated`, 426), and with `unknown: refuse` one that
//! does not say (`client.unknown`, 426). A version or platform given twice is `client.ambiguous` (400).
//! **Needs** the version and the platform where the policy says they stand; by a header at once, by a claim after `tokens`.
//! **Does not** prove anything: a header is what the client says. A claim of the version is what the issuer says.

mod raw;
#[cfg(test)]
mod tests;

use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::model::version::Version;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The compiled `client` of a policy.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// `ip`: `Some(true)` for `forwarded`; `None` where it is not written.
    forwarded: Option<bool>,
    platform: Option<ValueRef>,
    version: Option<ValueRef>,
    minimum: Vec<(Box<str>, Version)>,
    refuse_unknown: bool,
    upgrade: Vec<(Box<str>, Box<str>)>,
    tracked: Vec<Tracked>,
}

/// A version that metrics call by its name: `5.1` stands for 5.1.0, 5.1.1 and so on.
#[derive(Clone, Debug)]
struct Tracked {
    label: Box<str>,
    from: Version,
    below: Version,
}

/// What the client says of itself. Cheap to ask again; absent where it is ambiguous or does not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct App {
    /// The version.
    pub version: Option<Version>,
    /// The platform in lower case, one that the policy names.
    pub platform: Option<Box<str>>,
}

/// Proof that the app's version may call.
#[derive(Debug)]
pub struct Served(());

impl Client {
    /// Whether `client.ip` is `forwarded`; `None` where it is not written.
    pub fn forwarded(&self) -> Option<bool> {
        self.forwarded
    }

    /// The values that say version and platform.
    pub fn values(&self) -> impl Iterator<Item = &ValueRef> {
        self.platform.iter().chain(&self.version)
    }

    /// Whether a head can say the version, before any token is verified.
    pub fn version_in_head(&self) -> bool {
        let in_head = |it: &Source| matches!(it, Source::Header(_) | Source::Query(_));
        self.version.iter().flat_map(|value| value.sources()).any(in_head)
    }

    /// Whether versions are judged at all.
    pub fn judges(&self) -> bool {
        self.version.is_some() && (!self.minimum.is_empty() || self.refuse_unknown)
    }

    /// Judges what the client says of itself.
    ///
    /// # Errors
    /// `client.outdated`, `client.unknown` or `client.ambiguous`.
    pub fn check(&self, sight: &impl Sight) -> Result<Served, Refusal> {
        let Some(version) = &self.version else { return Ok(Served(())) };
        let version = text(version, sight)?;
        let platform = match &self.platform {
            Some(platform) => text(platform, sight)?,
            None => None,
        };
        let version = version.as_deref().and_then(Version::parse);
        let platform = platform.map(|platform| platform.to_ascii_lowercase());
        let (Some(version), Some(platform)) = (version, platform) else {
            return if self.refuse_unknown {
                Err(self.update(Reason::ClientUnknown, None))
            } else {
                Ok(Served(()))
            };
        };
        match self.minimum.iter().find(|(known, _)| **known == *platform) {
            Some((_, minimum)) if version < *minimum => {
                Err(self.update(Reason::ClientOutdated, Some(&platform)))
            }
            _ => Ok(Served(())),
        }
    }

    /// What the client says of itself, for metrics and audit. Platforms that the policy does not name are left out:
    /// they are the client's own text.
    pub fn app(&self, sight: &impl Sight) -> App {
        let read =
            |value: &Option<ValueRef>| value.as_ref().and_then(|value| text(value, sight).ok().flatten());
        let platform =
            read(&self.platform).map(|platform| platform.to_ascii_lowercase()).and_then(|platform| {
                let named = self
                    .minimum
                    .iter()
                    .map(|(name, _)| name)
                    .chain(self.upgrade.iter().map(|(name, _)| name));
                named.into_iter().find(|name| ***name == *platform).cloned()
            });
        App { version: read(&self.version).as_deref().and_then(Version::parse), platform }
    }

    /// The metric label of a version: one of `tracked_versions`, else `other`; `None` where the policy tracks none.
    pub fn version_label(&self, version: Option<Version>) -> Option<&str> {
        if self.tracked.is_empty() {
            return None;
        }
        let tracked =
            version.and_then(|it| self.tracked.iter().find(|known| known.from <= it && it < known.below));
        Some(tracked.map_or("other", |known| &known.label))
    }

    fn update(&self, reason: Reason, platform: Option<&str>) -> Refusal {
        let link = platform.and_then(|platform| self.upgrade.iter().find(|(known, _)| **known == *platform));
        match link {
            Some((_, link)) => Refusal::new(reason).with(Extra::Upgrade(link.clone())),
            None => reason.into(),
        }
    }
}

fn text(value: &ValueRef, sight: &impl Sight) -> Result<Option<String>, Refusal> {
    match value.read(sight) {
        Seen::Ambiguous => Err(Reason::ClientAmbiguous.into()),
        Seen::Bytes(bytes) => Ok(std::str::from_utf8(&bytes).ok().map(str::to_owned)),
        Seen::Json(value) => Ok(value.as_str().map(str::to_owned)),
        Seen::Missing | Seen::Ip(_) | Seen::Each(_) => Ok(None),
    }
}

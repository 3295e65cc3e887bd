//! By which schemes a caller of a route may come: what a challenge offers.

use crate::control::tokens::definition::Dpop;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::demand::Demand;
use crate::model::headers::Headers;

/// The schemes of a route's tokens, and the one that a request used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schemes {
    /// A bearer token would do (RFC 6750).
    pub bearer: bool,
    /// A token with a proof would do (RFC 9449).
    pub dpop: bool,
    /// The request came with `DPoP`.
    pub came_by_dpop: bool,
}

/// Those of a route that demands no token.
impl Default for Schemes {
    fn default() -> Self {
        Self { bearer: true, dpop: false, came_by_dpop: false }
    }
}

impl Schemes {
    /// Those of a route, and of the request that came to it.
    pub fn of(definitions: &Definitions, demand: &Demand, headers: &Headers) -> Self {
        let mut schemes = Self { bearer: false, dpop: false, came_by_dpop: false };
        let demanded = demand.entries().iter().flat_map(|entry| entry.tokens.iter());
        for definition in demanded.filter_map(|index| definitions.get(*index)) {
            let says = definition.says_proved(headers);
            schemes.bearer |= definition.dpop != Dpop::Required;
            schemes.dpop |= definition.dpop == Dpop::Required || says.is_some();
            schemes.came_by_dpop |= says == Some(true);
        }
        if schemes.bearer || schemes.dpop { schemes } else { Self::default() }
    }
}

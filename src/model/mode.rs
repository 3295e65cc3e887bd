//! Controls, the rules within them, and the mode of each.

/// How much a control may do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Mode {
    /// It is not asked.
    Disabled,
    /// It is asked and counted, and changes nothing.
    Shadow,
    /// It refuses.
    Enforce,
}

impl Mode {
    /// The words of the language, weakest first.
    pub const WORDS: [(&'static str, Mode); 3] =
        [("disabled", Mode::Disabled), ("shadow", Mode::Shadow), ("enforce", Mode::Enforce)];
}

/// A control, called as its field in the policy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Control {
    /// Cleartext and TLS versions.
    Transport,
    /// Hosts, paths, methods.
    Routing,
    /// Rates per key.
    Limits,
    /// The app's version.
    Client,
    /// Who calls.
    Tokens,
    /// What the caller may do.
    Access,
    /// What comes in.
    Request,
    /// What goes out.
    Response,
}

impl Control {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Control; 8] = [
        Self::Transport,
        Self::Routing,
        Self::Limits,
        Self::Client,
        Self::Tokens,
        Self::Access,
        Self::Request,
        Self::Response,
    ];

    /// The word for it, everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Routing => "routing",
            Self::Limits => "limits",
            Self::Client => "client",
            Self::Tokens => "tokens",
            Self::Access => "access",
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What has a mode of its own: a control as a whole, or a rule within one. A named limit is a rule too
/// (`limits.NAME`), kept apart because a policy has any number of them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    /// The control itself, for what no finer rule covers.
    Whole(Control),
    /// `tokens.revocation`
    TokensRevocation,
    /// `tokens.binding`
    TokensBinding,
    /// `access.scopes`
    AccessScopes,
    /// `access.claims`
    AccessClaims,
    /// `access.step_up`
    AccessStepUp,
    /// `access.owner`, the response's owner included
    AccessOwner,
    /// `request.size`
    RequestSize,
    /// `request.params`
    RequestParams,
    /// `request.json`
    RequestJson,
    /// `request.schema`
    RequestSchema,
    /// `response.schema`
    ResponseSchema,
    /// `response.undeclared`
    ResponseUndeclared,
}

impl Rule {
    /// Every rule but the named limits; the place in this list is [`Rule::index`].
    pub const ALL: [Rule; 20] = [
        Self::Whole(Control::Transport),
        Self::Whole(Control::Routing),
        Self::Whole(Control::Limits),
        Self::Whole(Control::Client),
        Self::Whole(Control::Tokens),
        Self::Whole(Control::Access),
        Self::Whole(Control::Request),
        Self::Whole(Control::Response),
        Self::TokensRevocation,
        Self::TokensBinding,
        Self::AccessScopes,
        Self::AccessClaims,
        Self::AccessStepUp,
        Self::AccessOwner,
        Self::RequestSize,
        Self::RequestParams,
        Self::RequestJson,
        Self::RequestSchema,
        Self::ResponseSchema,
        Self::ResponseUndeclared,
    ];

    /// The word for it in `modes` and overrides.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole(control) => control.as_str(),
            Self::TokensRevocation => "tokens.revocation",
            Self::TokensBinding => "tokens.binding",
            Self::AccessScopes => "access.scopes",
            Self::AccessClaims => "access.claims",
            Self::AccessStepUp => "access.step_up",
            Self::AccessOwner => "access.owner",
            Self::RequestSize => "request.size",
            Self::RequestParams => "request.params",
            Self::RequestJson => "request.json",
            Self::RequestSchema => "request.schema",
            Self::ResponseSchema => "response.schema",
            Self::ResponseUndeclared => "response.undeclared",
        }
    }

    /// The control that it belongs to.
    pub const fn control(self) -> Control {
        match self {
            Self::Whole(control) => control,
            Self::TokensRevocation | Self::TokensBinding => Control::Tokens,
            Self::AccessScopes | Self::AccessClaims | Self::AccessStepUp | Self::AccessOwner => {
                Control::Access
            }
            Self::RequestSize | Self::RequestParams | Self::RequestJson | Self::RequestSchema => {
                Control::Request
            }
            Self::ResponseSchema | Self::ResponseUndeclared => Control::Response,
        }
    }

    /// Its place in [`Rule::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Whole(control) => control as usize,
            Self::TokensRevocation => 8,
            Self::TokensBinding => 9,
            Self::AccessScopes => 10,
            Self::AccessClaims => 11,
            Self::AccessStepUp => 12,
            Self::AccessOwner => 13,
            Self::RequestSize => 14,
            Self::RequestParams => 15,
            Self::RequestJson => 16,
            Self::RequestSchema => 17,
            Self::ResponseSchema => 18,
            Self::ResponseUndeclared => 19,
        }
    }
}

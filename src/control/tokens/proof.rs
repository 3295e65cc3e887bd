//! The proof that this control hands on.

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

use crate::control::tokens::cnf::Binding;
use crate::control::tokens::revocation::Marks;
use crate::control::tokens::rules::Times;
use crate::model::claims::Claims;

/// One caller by one verified token. Only this control makes one.
pub struct Subject {
    token: usize,
    issuer: Box<str>,
    claims: Claims,
    times: Times,
    binding: Binding,
    /// Made when they are asked for first.
    marks: OnceCell<Marks>,
}

impl Subject {
    pub(in crate::control::tokens) fn new(token: usize, claims: Claims, times: Times) -> Self {
        let issuer = claims.text("iss").unwrap_or_default().into();
        let binding = Binding::read(&claims);
        Self { token, issuer, claims, times, binding, marks: OnceCell::new() }
    }

    /// The definition that the token satisfied, by its index.
    pub fn token(&self) -> usize {
        self.token
    }

    /// `iss`; empty where the definition says `issuer: any` and the token names none. A `sub` means nothing without it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`, never empty.
    pub fn sub(&self) -> Option<&str> {
        self.claims.text("sub")
    }

    /// All claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether the token is bound to a key whose proof must come with it.
    pub fn is_bound(&self) -> bool {
        self.binding != Binding::default()
    }

    pub(in crate::control::tokens) fn binding(&self) -> &Binding {
        &self.binding
    }

    /// What a revocation of this token is filed under.
    pub(in crate::control::tokens) fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| Marks::of(&self.issuer, &self.claims))
    }

    pub(in crate::control::tokens) fn times(&self) -> &Times {
        &self.times
    }
}

/// Without the claims: they are in no log.
impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("token", &self.token).finish_non_exhaustive()
    }
}

/// The callers that a request's tokens prove: at most one a definition, in the order in which the route names them.
/// Guests prove none.
#[derive(Clone, Debug, Default)]
pub struct Subjects(Vec<Rc<Subject>>);

impl Subjects {
    pub(in crate::control::tokens) fn push(&mut self, subject: Rc<Subject>) {
        self.0.push(subject);
    }

    /// The caller by the token definition at this index.
    pub fn of(&self, token: usize) -> Option<&Rc<Subject>> {
        self.0.iter().find(|subject| subject.token == token)
    }

    /// The first that the route names and that is present.
    pub fn first(&self) -> Option<&Rc<Subject>> {
        self.0.first()
    }

    /// All of them, in the route's order.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<Subject>> {
        self.0.iter()
    }

    /// Whether nobody is proved.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Subjects that no token proved, for the tests of other controls: definition index and claims of each.
    #[cfg(test)]
    pub(crate) fn unproved(claims: impl IntoIterator<Item = (usize, serde_json::Value)>) -> Self {
        let subject = |(token, claims): (usize, serde_json::Value)| {
            let serde_json::Value::Object(claims) = claims else { panic!("claims are an object") };
            Rc::new(Subject::new(token, Claims::new(claims), Times::forever()))
        };
        Self(claims.into_iter().map(subject).collect())
    }
}

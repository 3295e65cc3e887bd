//! The file of test accounts: two of them, each with its tokens and with what is its own, and what some routes need beside.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use ct_codecs::Base64UrlSafeNoPadding;
use ct_codecs::Decoder;
use serde_json::Value;

use crate::cli::crosscheck::plan::Token;
use crate::cli::yaml;
use crate::cli::yaml::Spot;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::claims::Claims;

/// What the file says.
pub(super) struct Accounts {
    pub(super) both: [Account; 2],
    /// By route: a body, and query parameters or headers that every request to it carries.
    pub(super) routes: BTreeMap<String, Extra>,
    /// The policy's tokens.
    pub(super) tokens: Vec<Token>,
}

/// Somebody who can log in.
pub(super) struct Account {
    pub(super) name: String,
    /// By the token's place among the policy's.
    tokens: BTreeMap<usize, String>,
    /// What is this account's own, by the notation of values: `path.order_id`.
    pub(super) values: BTreeMap<String, String>,
}

/// What a route needs beside ids.
#[derive(Default)]
pub(super) struct Extra {
    pub(super) body: Option<Value>,
    /// By the notation of values.
    pub(super) values: BTreeMap<String, String>,
}

impl Accounts {
    /// Reads the file. The error names every place where it is wrong.
    pub(super) fn read(path: &Path, tokens: Vec<Token>) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let problems = Problems::default();
        let name: Rc<str> = path.display().to_string().into();
        let root = yaml::read(&text, &name, Spot::Root, &problems);
        let read = root.and_then(|root| Self::compile(&root, path, tokens, &problems));
        let (problems, _) = problems.into_parts();
        match read {
            Some(accounts) if problems.is_empty() => Ok(accounts),
            _ => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    fn compile(root: &Node, file: &Path, tokens: Vec<Token>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(root, problems)?;
        let accounts = fields.required("accounts");
        let routes = fields.optional("routes");
        fields.close();
        let accounts = accounts?;
        let read = |(name, node): &(Rc<str>, Rc<Node>)| Account::compile(name, node, file, &tokens, problems);
        let both: Vec<Account> = accounts.map(problems)?.iter().filter_map(read).collect();
        let both: Option<[Account; 2]> = both.try_into().ok();
        if both.is_none() {
            problems.note(&accounts.place, Fault::conflict("write two accounts"));
        }
        let extra =
            |(name, node): &(Rc<str>, Rc<Node>)| Some((name.to_string(), Extra::compile(node, problems)?));
        let routes = match routes {
            None => BTreeMap::new(),
            Some(node) => node.map(problems)?.iter().filter_map(extra).collect(),
        };
        Some(Self { both: both?, routes, tokens })
    }

    /// The other one.
    pub(super) fn other(&self, account: &Account) -> &Account {
        let [first, second] = &self.both;
        if account.name == first.name { second } else { first }
    }
}

impl Account {
    fn compile(name: &str, node: &Node, file: &Path, known: &[Token], problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let (tokens, values) = (fields.required("tokens"), fields.optional("values"));
        fields.close();
        let mut held = BTreeMap::new();
        for (called, node) in tokens?.map(problems)? {
            let found = known.iter().position(|token| token.name.as_str() == &**called);
            let names = known.iter().map(|token| token.name.as_str());
            let index =
                problems.need(&node.place, found.ok_or_else(|| Fault::dangling("token", called, names)))?;
            held.insert(index, token(node, file, problems)?);
        }
        let values = values.map_or(Some(BTreeMap::new()), |node| texts(node, problems));
        Some(Self { name: name.into(), tokens: held, values: values? })
    }

    /// The account's token by its place among the policy's.
    pub(super) fn token(&self, index: usize) -> Option<&str> {
        self.tokens.get(&index).map(String::as_str)
    }

    /// What a token says, unverified: the gate is what is being tested, and this only tells what to ask it for.
    pub(super) fn claims(&self, index: usize) -> Option<Claims> {
        let payload = self.token(index)?.split('.').nth(1)?;
        let payload = Base64UrlSafeNoPadding::decode_to_vec(payload, None).ok()?;
        serde_json::from_slice(&payload).ok().map(Claims::new)
    }
}

impl Account {
    /// The header that shows one of these tokens, by their names.
    pub(super) fn header(&self, choices: &[String], known: &[Token]) -> Option<(String, String)> {
        choices.iter().find_map(|choice| {
            let index = known.iter().position(|token| token.name.as_str() == choice)?;
            let (definition, token) = (known.get(index)?, self.token(index)?);
            let value = match &definition.scheme {
                Some(scheme) => format!("{scheme} {token}"),
                None => token.to_owned(),
            };
            Some((definition.header.clone(), value))
        })
    }
}

impl Extra {
    fn compile(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let (body, values) = (fields.optional("body"), fields.optional("values"));
        fields.close();
        let values = values.map_or(Some(BTreeMap::new()), |node| texts(node, problems));
        Some(Self { body: body.map(|node| node.to_json()), values: values? })
    }
}

/// `{ env: NAME }` or `{ file: PATH }`: a token does not stand in a file of accounts, which people pass round.
fn token(node: &Node, beside: &Path, problems: &Problems) -> Option<String> {
    let place = "a map with `env` or `file`; a token does not stand here";
    node.discreet_map(place, problems)?;
    let fields = Fields::open(node, problems)?;
    let (env, file) = (fields.optional("env"), fields.optional("file"));
    fields.close();
    let read = match (env, file) {
        (Some(name), None) => {
            let name = name.text(problems)?;
            std::env::var(&**name).map_err(|_| Fault::conflict(format!("there is no variable `{name}`")))
        }
        (None, Some(path)) => {
            let path = path.text(problems)?;
            let whole = beside.parent().unwrap_or(Path::new("")).join(&**path);
            std::fs::read_to_string(whole)
                .map_err(|error| Fault::Unreadable(format!("`{path}`: {error}").into()))
        }
        _ => Err(Fault::conflict("write just one of `env` and `file`")),
    };
    problems.need(&node.place, read.map(|token| token.trim().to_owned()))
}

fn texts(node: &Node, problems: &Problems) -> Option<BTreeMap<String, String>> {
    let entries = node.map(problems)?.iter();
    entries.map(|(name, node)| Some((name.to_string(), node.text(problems)?.to_string()))).collect()
}

//! The tables in `tests/cases/tokens` through Envoy: whoever verifies, whichever protocol, each row ends as it says, and
//! the worker that judged it serves on.
//!
//! Envoy's parser of HTTP/1.1 takes a bare carriage return out of a header's value before anybody sees it, and takes a bare
//! line feed for the end of the line: what the filter judges then is what the upstream gets.

use portcullis_envoy::{Answer, Connection, Protocol, Request, Result, policy, unix_now};
use portcullis_tokens::table::{self, Outcome, Row};
use portcullis_tokens::{definition, merged, mint};
use serde_json::{Value, json};

use crate::{STAGE, Stage, refused};

/// Who verifies: the host where it serves, or the module alone.
const ENGINES: [&str; 2] = ["auto", "wasm"];
const HONEST: &str = "https://honest.example";

/// The rows by the definition that they stand before: one policy serves all of a kind.
fn kinds(rows: &[Row]) -> Vec<(Value, Vec<&Row>)> {
    let mut kinds: Vec<(Value, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| !row.still) {
        let definition = row.definition();
        match kinds.iter_mut().find(|(known, _)| *known == definition) {
            Some((_, rows)) => rows.push(row),
            None => kinds.push((definition, vec![row])),
        }
    }
    kinds
}

/// The definition on trial, and one beside it whose tokens are good whatever the row did.
fn before(name: &str, engine: &str, user: &Value) -> String {
    let engine = json!({ "signatures": engine });
    let honest = merged(definition(&mint::jwks(&["es"])), &json!({ "issuer": HONEST }));
    let tokens = json!({ "user": merged(user.clone(), &engine), "honest": merged(honest, &engine) });
    let routes = format!(
        "
tokens: {tokens}
routes:
  - {{ name: user, match: {{ method: GET, path: /user }}, tokens: [user], access: authenticated }}
  - {{ name: honest, match: {{ method: GET, path: /honest }}, tokens: [honest], access: authenticated }}
"
    );
    policy(name, "enforce", &routes)
}

fn request(lines: &[(String, Vec<u8>)]) -> Request {
    let path = lines.iter().find(|(name, _)| name == ":path");
    let path = path.map_or(b"/user".as_slice(), |(_, path)| path);
    let headers = lines.iter().filter(|(name, _)| name != ":path");
    headers.fold(Request::get(path), |request, (name, value)| request.header(name, value))
}

/// One kind of rows over one protocol, on one connection, which is one worker's.
struct Trial<'s> {
    stage: &'s Stage,
    policy: &'s str,
    protocol: Protocol,
    connection: Connection,
    honest: Request,
}

impl<'s> Trial<'s> {
    fn new(stage: &'s Stage, policy: &'s str, protocol: Protocol) -> Result<Self> {
        let now = unix_now();
        let claims = json!({ "iss": HONEST, "iat": now.saturating_sub(60), "exp": now.saturating_add(540) });
        let honest = Request::get("/honest").bearer(&mint::es256_token(claims));
        let connection = stage.gate.client(protocol).connect()?;
        Ok(Self { stage, policy, protocol, connection, honest })
    }

    /// Sends a row, and an honest request after it; nothing where no client can say it. How it ends otherwise than it
    /// says, for the list of all that do.
    fn run(&mut self, row: &Row, told: &mut Vec<Told>) -> Result<Option<String>> {
        let outcome = row.through(self.protocol == Protocol::H2);
        if outcome == Outcome::Unsayable {
            return Ok(None);
        }
        let name = format!("{} {:?} {}", self.policy, self.protocol, row.name);
        let request = request(&row.lines(unix_now() as f64));
        let before = self.stage.upstream.begun();
        let answer = self.connection.send(&request);
        let reached = self.stage.upstream.begun() > before;
        let _ = self.stage.upstream.take();
        let seen = answer.as_ref().map(|it| (it.status, it.reason()));
        let as_said = match (&answer, outcome) {
            (Err(_), outcome) => outcome == Outcome::Host,
            (Ok(it), Outcome::Host) => it.status == 400 && it.reason().is_none(),
            (Ok(it), Outcome::Pass) => it.status == 200 && reached,
            (Ok(it), Outcome::Refused(reason)) => it.reason().as_deref() == Some(reason),
            (Ok(_), Outcome::Unsayable) => true,
        };
        let wrong = format!("{name}: {seen:?}, not {outcome:?}");
        if answer.is_err() || outcome == Outcome::Host {
            self.connection = self.stage.gate.client(self.protocol).connect()?;
        }
        if !as_said || reached != (outcome == Outcome::Pass) {
            return Ok(Some(wrong));
        }
        if let (Ok(answer), Outcome::Refused(reason)) = (&answer, outcome) {
            self.judge(&name, &request, answer, reason);
            if answer.status == 401 && !["tokens.missing", "tokens.binding"].contains(&reason) {
                told.push(silent(answer)?);
            }
        }
        assert_eq!(self.honest()?.status, 200, "{name}: an honest request after it");
        self.stage.seen(&name);
        Ok(None)
    }

    /// An honest request on the same connection; on another where the host has ended it with its answer.
    fn honest(&mut self) -> Result<Answer> {
        if let Ok(answer) = self.connection.send(&self.honest) {
            return Ok(answer);
        }
        self.connection = self.stage.gate.client(self.protocol).connect()?;
        self.connection.send(&self.honest)
    }

    fn judge(&self, name: &str, request: &Request, answer: &Answer, reason: &str) {
        // Its challenge is told where proofs of possession are.
        if reason == "tokens.binding" {
            assert_eq!(answer.status, 401, "{name}: {answer:?}");
        } else {
            refused(name, answer, self.policy, reason);
        }
        let sent = request.headers.all("authorization").filter_map(|value| std::str::from_utf8(value).ok());
        for token in sent.filter_map(|value| value.rsplit(' ').next()).filter(|token| token.len() > 40) {
            assert!(!answer.text().contains(token), "{name}: {answer:?}");
        }
    }
}

/// What a refusal says beside its reason: its challenge, and its body.
type Told = (Option<String>, Value);

fn silent(answer: &Answer) -> Result<Told> {
    let mut problem: Value = answer.json()?;
    for member in ["request_id", "reason", "type"] {
        problem[member] = Value::Null;
    }
    Ok((answer.header("www-authenticate"), problem))
}

fn every_row_ends_as_it_says(name: &str, table: &str) -> Result {
    let stage = STAGE.enter()?;
    let rows = table::rows(table);
    let kinds = kinds(&rows);
    assert!(!kinds.is_empty(), "{name} has no rows");
    let mut wrong = Vec::new();
    for engine in ENGINES {
        let name = format!("{name}-{engine}");
        for (user, rows) in &kinds {
            stage.gate.adopt(&before(&name, engine, user))?;
            let serving = stage.gate.sum("portcullis_signatures_info", &[("engine", "host")])?;
            assert_eq!(serving, 1, "`auto` does not ask the host");
            let mut told = Vec::new();
            for protocol in Protocol::BOTH {
                let mut trial = Trial::new(&stage, &name, protocol)?;
                for row in rows {
                    wrong.extend(trial.run(row, &mut told)?);
                }
            }
            // What a challenge may say of a token is nothing: neither what it holds nor which of its claims was wrong.
            assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {told:?}");
        }
    }
    assert!(wrong.is_empty(), "{} rows end otherwise:\n{}", wrong.len(), wrong.join("\n"));
    stage.gate.unharmed()
}

#[test]
fn a_hostile_token_is_a_stated_refusal_and_the_worker_lives_on() -> Result {
    every_row_ends_as_it_says("hostile", table::HOSTILE)
}

#[test]
fn the_examples_of_the_rfcs_have_their_verdict() -> Result {
    every_row_ends_as_it_says("rfc", table::RFC)
}

#[test]
fn signatures_at_the_edges_have_one_verdict_whoever_verifies() -> Result {
    every_row_ends_as_it_says("signatures", table::SIGNATURES)
}

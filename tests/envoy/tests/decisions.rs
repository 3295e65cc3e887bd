//! Decisions as data, through the module: the rows of some files of `tests/cases` as real requests over both protocols,
//! with what the upstream sees and what the client gets.
#![cfg(test)]

#[path = "../../decisions/case.rs"]
#[expect(dead_code, reason = "the native tests look at more of a case")]
mod case;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, ensure};
use portcullis::refusal::Reason;
use portcullis_envoy::{Answer, Gate, Protocol, Recorder, Request, Result, root};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::{Value, json};

use crate::case::{Case, CaseFile, Credential, OneOrMany, Text, Upstream};

/// The files that are run, below `tests/cases`.
const FILES: [&str; 11] = [
    "access/owner-in-body",
    "request/form",
    "request/forms",
    "request/json",
    "request/parameters",
    "request/structure",
    "request/typed",
    "response/judged",
    "response/owner",
    "response/undeclared",
    "routing/versions",
];

/// Rows that no HTTP can say, and why.
const UNSAID: [(&str, &str); 8] = [
    ("a declared 0 with something behind it", "the codec takes what is behind for the next request"),
    ("a length that is no number", "the codec refuses it by itself"),
    ("two lengths", "the codec refuses them by itself"),
    ("too large as it comes", "the codec ends the answer where it says that it ends"),
    ("a twin of its name beside it", "this Envoy refuses names with `_` by itself"),
    ("a twin of its name alone", "as above"),
    ("a twin of a header beside it", "as above"),
    ("a twin of a header alone", "as above"),
];

/// Claims of the shop's own tokens that a case does not have.
const OWN: [&str; 8] = ["scope", "roles", "plan", "acr", "amr", "auth_time", "tenant", "sid"];

struct Stage {
    gate: Gate,
    upstream: Recorder,
    /// What the upstream answers next.
    next: Arc<Mutex<Vec<u8>>>,
    keys: Keys,
}

impl Stage {
    fn start() -> Result<Self> {
        let next = Arc::new(Mutex::new(Vec::new()));
        let answer = next.clone();
        let upstream = Recorder::start(move |_| answer.lock().map(|it| it.clone()).unwrap_or_default())?;
        let gate = Gate::before(upstream.address())
            .policy(json!({ "version": 1, "name": "none", "routes": [] }).to_string());
        Ok(Self { gate: gate.start()?, upstream, next, keys: Keys::generate()? })
    }

    /// The policy as this host can have it: by a name of its own, with keys that need no fetching.
    fn adopt(&self, policy: &Value, name: &str) -> Result<()> {
        let mut policy = policy.clone();
        policy["name"] = json!(name);
        for definition in policy.get_mut("tokens").and_then(Value::as_object_mut).into_iter().flatten() {
            definition.1["keys"] = json!({ "inline": { "keys": self.keys.jwks() } });
        }
        self.gate.adopt(&policy.to_string())
    }

    fn request(&self, case: &Case, policy: &Value) -> Result<Request> {
        ensure!(case.tokens.is_empty() && case.proof.is_none(), "a row for the native runner alone");
        let request = &case.request;
        let mut out = Request::new(&request.method, request.path.bytes());
        out = out.authority(&String::from_utf8(request.host.bytes())?);
        let says = |name: &str| request.headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        if let Some(token) = &case.token {
            out = out.bearer(&self.token(token, policy)?);
        }
        if request.json.is_some() && !says("content-type") {
            out = out.header("content-type", "application/json");
        }
        out = lines(&request.headers).into_iter().fold(out, |out, (name, line)| out.header(name, line));
        let body = body(request.body.as_ref(), request.json.as_ref());
        Ok(match body {
            None => out,
            // Two chunks have no length in front.
            Some(body) if request.chunked => {
                let (first, second) = body.split_at(body.len().min(1));
                [first, second].into_iter().filter(|it| !it.is_empty()).fold(out, Request::chunk)
            }
            Some(body) => {
                let out = if says("content-length") {
                    out
                } else {
                    out.header("content-length", body.len().to_string())
                };
                if body.is_empty() { out } else { out.chunk(body) }
            }
        })
    }

    fn token(&self, token: &Credential, policy: &Value) -> Result<String> {
        let claims = match token {
            Credential::Raw(text) => return Ok(text.clone()),
            Credential::Claims(claims) => claims,
        };
        let definitions = policy["tokens"].as_object().context("no tokens")?;
        let definition = definitions.values().next().context("no token")?;
        let mut mint = OWN.iter().fold(Mint::new(&self.keys), |mint, name| mint.without(name));
        mint =
            mint.claim("iss", definition["issuer"].clone()).claim("aud", definition["audience"][0].clone());
        for (name, value) in claims {
            mint = if value.is_null() { mint.without(name) } else { mint.claim(name, value.clone()) };
        }
        Ok(mint.sign(Alg::Es256))
    }

    fn run(&self, case: &Case, policy: &Value, protocol: Protocol) -> Result<()> {
        let upstream = case.upstream.as_ref();
        let written = upstream.map(|it| answer(it, case.request.method == "HEAD"));
        *self.next.lock().map_err(|_| anyhow!("the lock"))? =
            written.unwrap_or_else(|| b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec());
        let _ = self.upstream.take();
        let answer = self.gate.client(protocol).send(&self.request(case, policy)?)?;
        let seen = self.upstream.take();
        ensure!(
            seen.len() == usize::from(case.expect.admit.is_some()),
            "{} requests arrived: {answer:?}",
            seen.len()
        );
        for name in case.expect.removes.iter().flatten() {
            ensure!(!seen.iter().any(|seen| seen.headers.has(name)), "{name} arrived: {seen:?}");
        }
        told(case, &answer)
    }
}

/// Holds what the client gets against what the case expects.
fn told(case: &Case, answer: &Answer) -> Result<()> {
    let expect = &case.expect;
    let failed = expect.refuse.as_deref().or(expect.response.as_deref().filter(|it| *it != "passes"));
    let failed = failed.map(|it| it.split(' ').next().unwrap_or_default());
    let reason = failed.and_then(|code| Reason::ALL.iter().find(|reason| reason.code() == code));
    ensure!(failed.is_some() == reason.is_some(), "{failed:?} is no reason");
    let own =
        reason.map_or_else(|| case.upstream.as_ref().map_or(200, |it| it.status), |reason| reason.status());
    let status = expect.status.unwrap_or(own);
    ensure!(answer.status == status, "{} and not {status}: {answer:?}", answer.status);
    if case.request.method != "HEAD" {
        let shown = expect.answer.body.get("reason").and_then(Value::as_str).or(failed);
        ensure!(answer.reason().as_deref() == shown, "not {shown:?}: {answer:?}");
        for (name, value) in &expect.answer.body {
            let member = answer.json()?.get(name).cloned().unwrap_or_default();
            ensure!(member == *value, "{name} is not {value}: {answer:?}");
        }
        if let (None, Some(upstream)) = (failed, &case.upstream) {
            let sent = body(upstream.body.as_ref(), upstream.json.as_ref()).unwrap_or_default();
            let want = expect.answer.text.clone().map_or(sent, String::into_bytes);
            ensure!(answer.body == want, "another body: {answer:?}");
        }
    }
    for (name, value) in &expect.answer.headers {
        ensure!(answer.header(name).as_ref() == Some(value), "{name} is not {value}: {answer:?}");
    }
    // What an answer that goes on is `without` is what the filter does not set: the upstream may have.
    let without = expect.answer.without.iter().filter(|_| failed.is_some());
    for name in without.chain(expect.answer.removes.iter().flatten()) {
        ensure!(!answer.headers.has(name), "{name} is there: {answer:?}");
    }
    Ok(())
}

fn body(text: Option<&Text>, json: Option<&Value>) -> Option<Vec<u8>> {
    text.map(Text::bytes).or_else(|| json.map(|json| json.to_string().into_bytes()))
}

fn lines(headers: &BTreeMap<String, OneOrMany>) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .flat_map(|(name, lines)| lines.lines().iter().map(|line| (name.clone(), line.bytes())))
        .collect()
}

/// The bytes that the upstream answers with.
fn answer(upstream: &Upstream, head: bool) -> Vec<u8> {
    let body = body(upstream.body.as_ref(), upstream.json.as_ref());
    let mut lines = lines(&upstream.headers);
    let says = |lines: &[(String, Vec<u8>)], name: &str| lines.iter().any(|(known, _)| known == name);
    if upstream.json.is_some() && !says(&lines, "content-type") {
        lines.push(("content-type".into(), b"application/json".to_vec()));
    }
    let without = matches!(upstream.status, 204 | 304) || head;
    if !says(&lines, "content-length") && !without {
        let length = body.as_ref().map_or(0, Vec::len);
        lines.push(("content-length".into(), length.to_string().into_bytes()));
    }
    let mut out = format!("HTTP/1.1 {} Status\r\n", upstream.status).into_bytes();
    for (name, line) in lines {
        out.extend([name.as_bytes(), b": ", &line, b"\r\n"].concat());
    }
    out.extend(b"\r\n");
    out.extend(body.filter(|_| !without).unwrap_or_default());
    out
}

#[test]
fn rows_end_through_envoy_as_they_end_natively() -> Result {
    let stage = Stage::start()?;
    let (mut ran, mut left, mut wrong) = (0, 0, Vec::new());
    for file in FILES {
        let path = root().join("tests/cases").join(file).with_extension("yaml");
        let cases = CaseFile::read(&path).map_err(|why| anyhow!("{file}: {why}"))?;
        let mut in_force = Value::Null;
        for (row, case) in &cases.rows {
            if UNSAID.iter().any(|(unsaid, _)| unsaid == row) {
                left += 1;
                continue;
            }
            let policy = case.policy(&path).map_err(|why| anyhow!("{file}: {row}: {why}"))?.to_json();
            if policy != in_force {
                stage.adopt(&policy, &format!("{}-{ran}", file.replace('/', "-")))?;
                in_force = policy;
            }
            for protocol in Protocol::BOTH {
                let ended = stage.run(case, &in_force, protocol);
                wrong.extend(ended.err().map(|why| format!("{file}: {row}: {protocol:?}: {why:#}")));
                ran += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(left, UNSAID.len());
    assert!(ran >= 400, "{ran}");
    stage.gate.unharmed()
}

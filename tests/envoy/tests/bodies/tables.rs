//! The tables: what is refused and with which reason, what arrives.

use std::collections::BTreeSet;

use portcullis_envoy::{Answer, Headers, Piece, Protocol, Request, Result, cases, lines, until};
use serde::Deserialize;

use crate::{EVERY_WORKER, ORDER, STAGE, bodies, lives_on};

/// One row of a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "post")]
    method: String,
    #[serde(default = "order")]
    path: String,
    /// `content-type: application/json` where a row does not say.
    headers: Option<Vec<(String, Piece)>>,
    body: Vec<Piece>,
    /// How the body is sent: each piece by itself, all as one, or byte by byte.
    #[serde(default)]
    pieces: Pieces,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    /// The protocol that can say it, where the other cannot.
    over: Option<String>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    reason: String,
    /// Pointer and keyword of each part that does not pass.
    #[serde(default)]
    errors: BTreeSet<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pieces {
    #[default]
    Each,
    One,
    Bytes,
}

fn post() -> String {
    "POST".to_owned()
}

fn order() -> String {
    "/order".to_owned()
}

impl Case {
    fn request(&self) -> Result<Request> {
        let headers = lines(self.headers.as_deref())?;
        let request = Request::new(&self.method, &self.path);
        let mut request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let pieces = self.body.iter().map(Piece::bytes).collect::<Result<Vec<_>>>()?;
        request.body = match self.pieces {
            Pieces::Each => pieces,
            Pieces::One => vec![pieces.concat()],
            Pieces::Bytes => pieces.concat().into_iter().map(|byte| vec![byte]).collect(),
        };
        Ok(self.trailers.iter().fold(request, |request, (name, value)| request.trailer(name, value)))
    }

    fn runs_over(&self, protocol: Protocol) -> bool {
        match self.over.as_deref() {
            None => true,
            Some("h1") => protocol == Protocol::H1,
            Some(other) => panic!("{}: no protocol {other}", self.name),
        }
    }
}

fn errors(answer: &Answer) -> Result<BTreeSet<(String, String)>> {
    let problem = answer.json()?;
    let text = |error: &serde_json::Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().into_iter().flatten();
    Ok(errors.map(|error| (text(error, "pointer"), text(error, "keyword"))).collect())
}

#[test]
fn a_refused_body_reaches_nobody() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("refused", ""))?;
    let before = stage.upstream.begun();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/refused")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let answer = stage.gate.client(protocol).send(&case.request()?)?;
            assert_eq!(
                (answer.status, answer.reason().as_deref()),
                (case.status, Some(&*case.reason)),
                "{row}: {answer:?}"
            );
            assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{row}");
            assert_eq!(errors(&answer)?, case.errors, "{row}: {answer:?}");
            assert_eq!(stage.upstream.begun(), before, "{row}: something reached the upstream");
        }
    }
    lives_on(&stage)?;
    assert_eq!(stage.upstream.begun(), before + 2 * EVERY_WORKER, "something came late");
    Ok(())
}

#[test]
fn a_good_body_arrives_as_it_was_sent() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("passed", ""))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/passed")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let sent = case.request()?;
            let answer = stage.gate.client(protocol).send(&sent)?;
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{row}: {answer:?}");

            let seen = stage.upstream.take();
            let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
            assert_eq!((&seen.method, &seen.path), (&case.method, &case.path), "{row}");
            assert!(seen.body == sent.body.concat(), "{row}: {:?}", seen.body.escape_ascii().to_string());
            assert_eq!(seen.trailers, sent.trailers, "{row}");
            let types = |headers: &Headers| headers.get("content-type");
            assert_eq!(types(&seen.headers), types(&sent.headers), "{row}");
        }
    }
    stage.gate.unharmed()
}

/// The weaker mode, for hosts that cannot hold a head: it goes on, and a bad body never makes it a request.
#[test]
fn with_body_hold_stream_a_refused_body_leaves_the_upstream_with_half_a_request() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("streamed", "body_hold: stream"))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/refused")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let answer = stage.gate.client(protocol).send(&case.request()?)?;
            assert_eq!(
                (answer.status, answer.reason().as_deref()),
                (case.status, Some(&*case.reason)),
                "{row}: {answer:?}"
            );
        }
        for case in cases::<Case>("bodies/passed")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let sent = case.request()?;
            let answer = stage.gate.client(protocol).send(&sent)?;
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{row}: {answer:?}");
            let seen = stage.upstream.take();
            let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
            assert!(seen.body == sent.body.concat(), "{row}: {:?}", seen.body.escape_ascii().to_string());
            assert_eq!(seen.trailers, sent.trailers, "{row}");
        }
    }
    stage.gate.unharmed()?;
    assert!(stage.upstream.take().is_empty(), "a refused request arrived whole");

    // What this mode cannot do: the head is gone before the body is judged.
    let before = stage.upstream.begun();
    let (half, rest) = ORDER.split_at(10);
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write(format!(
        "POST /order HTTP/1.1\r\nhost: api.shop.example\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{half}",
        ORDER.len()
    ))?;
    until("the head at the upstream", || Ok((stage.upstream.begun() > before).then_some(())))?;
    raw.write(rest)?;
    assert_eq!(raw.answer()?.status, 200);
    Ok(())
}

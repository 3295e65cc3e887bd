//! What goes out changed: members that no schema declares are gone from the bytes, and the head tells the truth of what is
//! left, over HTTP/1.1 and HTTP/2.
#![cfg(test)]

use portcullis_envoy::{Answer, Gate, Protocol, Recorder, Request, Result, Seen, Shared, policy, user_token};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};

struct Stage {
    upstream: Recorder,
    gate: Gate,
}

static STAGE: Shared<Stage> = Shared::new(|| {
    let upstream = Recorder::start(answer)?;
    let gate =
        Gate::before(upstream.address()).workers(2).h1_trailers().policy(answers("answers")).start()?;
    Ok(Stage { upstream, gate })
});

/// Stands in everything that must not be seen.
const SECRET: &str = "hash-5ec2e7";

const TRUE_HEAD: &str = "etag: \"v1\"\r\ndigest: sha-256=x\r\nrepr-digest: sha-256=:x:\r\ncontent-digest: sha-256=:x:\r\ncontent-md5: x\r\n";

fn answers(name: &str) -> String {
    let rest = r#"
schemas:
  user:
    type: object
    required: [id]
    additionalProperties: false
    properties: { id: { type: string }, n: { type: number }, friends: { type: array, items: { properties: { id: {} } } } }
  problem: { required: [title], properties: { title: { type: string } } }
routes:
  - { name: pruned, match: { method: GET, path: "/pruned/{what}" }, tokens: none, response: { schema: user, statuses: { "4xx": problem, "5xx": problem }, undeclared: remove } }
  - { name: strict, match: { method: GET, path: "/strict/{what}" }, tokens: none, response: { schema: user, undeclared: refuse } }
  - { name: counted, match: { method: GET, path: "/counted/{what}" }, tokens: none, response: { schema: user, undeclared: remove }, mode: shadow }
"#;
    policy(name, "enforce", rest)
}

/// 2,000 friends with a secret each, and without them.
fn many(secrets: bool) -> String {
    let one = |n: u32| match secrets {
        true => format!(r#"{{"id":"{n}","hash":"{SECRET}","note":[1,{{"a":2}}]}}"#),
        false => format!(r#"{{"id":"{n}"}}"#),
    };
    format!(r#"{{"id":"a","friends":[{}]}}"#, (0..2000).map(one).collect::<Vec<_>>().join(","))
}

fn answer(seen: &Seen) -> Vec<u8> {
    let small = format!(r#"{{"n": 1.50, "hash":"{SECRET}","id":"a"}}"#);
    let head = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{TRUE_HEAD}{more}")
    };
    let whole = |status: &str, body: &str| {
        let body_or_none = if seen.method == "HEAD" { "" } else { body };
        format!("{}content-length: {}\r\n\r\n{body_or_none}", head(status, ""), body.len())
    };
    let out = match seen.path.rsplit('/').next().unwrap_or_default() {
        "clean" => whole("200 OK", r#"{"id":"a"}"#),
        "chunked" => {
            let (one, two) = small.split_at(17);
            format!(
                "{}transfer-encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
                head("200 OK", ""),
                one.len(),
                two.len()
            )
        }
        "trailers" => format!(
            "{}transfer-encoding: chunked\r\n\r\n{:x}\r\n{small}\r\n0\r\nrepr-digest: sha-256=:y:\r\nx-time: 7\r\n\r\n",
            head("200 OK", "trailer: repr-digest, x-time\r\n"),
            small.len()
        ),
        "list" => whole("200 OK", &format!(r#"{{"items":[{{"by":"77","s":"{SECRET}"}},{{"by":"42"}}]}}"#)),
        "many" => whole("200 OK", &many(true)),
        "conflict" => whole("409 Conflict", &format!(r#"{{"title":"t","trace":"{SECRET}"}}"#)),
        "broken" => whole("500 Oops", &format!("<pre>{SECRET}</pre>")),
        "empty" => format!("HTTP/1.1 200 OK\r\n{TRUE_HEAD}content-length: 0\r\n\r\n"),
        "same" => format!("HTTP/1.1 304 Not Modified\r\n{TRUE_HEAD}content-length: 99\r\n\r\n"),
        _ => whole("200 OK", &small),
    };
    out.into_bytes()
}

/// Nothing secret, a length that is true, and no word about bytes that were not sent.
fn is_true(row: &str, answer: &Answer) {
    assert!(!format!("{answer:?}").contains(SECRET), "{row}: {answer:?}");
    if let Some(length) = answer.header("content-length") {
        assert_eq!(length, answer.body.len().to_string(), "{row}");
    }
    assert_eq!(answer.headers.get("etag").as_deref(), Some("W/\"v1\""), "{row}");
    for name in ["digest", "repr-digest", "content-digest", "content-md5"] {
        assert!(!answer.headers.has(name) && !answer.trailers.has(name), "{row}: {name}");
    }
}

#[test]
fn what_no_schema_declares_is_gone_and_the_head_is_true_of_the_rest() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&answers("pruned"))?;
    let small = r#"{"n": 1.50,"id":"a"}"#;
    for protocol in Protocol::BOTH {
        // All on one connection: a length that lies would be the next answer's harm.
        let mut connection = stage.gate.client(protocol).connect()?;
        for (what, status, body) in [
            ("small", 200, small.to_owned()),
            ("chunked", 200, small.to_owned()),
            ("trailers", 200, small.to_owned()),
            ("many", 200, many(false)),
            ("conflict", 409, r#"{"title":"t"}"#.to_owned()),
        ] {
            let row = format!("{protocol:?} {what}");
            let answer = connection.send(&Request::get(format!("/pruned/{what}")))?;
            assert_eq!((answer.status, answer.text()), (status, body), "{row}");
            is_true(&row, &answer);
            let length = !matches!(what, "chunked" | "trailers");
            assert_eq!(answer.headers.has("content-length"), length, "{row}: {answer:?}");
            assert_eq!(
                answer.trailers.get("x-time").as_deref(),
                (what == "trailers").then_some("7"),
                "{row}"
            );
        }
        for (what, status) in [("clean", 200), ("empty", 200)] {
            let answer = connection.send(&Request::get(format!("/pruned/{what}")))?;
            assert_eq!((answer.status, answer.header("etag").as_deref()), (status, Some("\"v1\"")), "{what}");
            assert!(answer.headers.has("repr-digest"), "{protocol:?} {what}: {answer:?}");
        }
        let answer = connection.send(&Request::get("/pruned/broken"))?;
        assert_eq!(
            (answer.status, answer.reason().as_deref()),
            (502, Some("response.malformed")),
            "{protocol:?}"
        );
        let answer = connection.send(&Request::get("/strict/small"))?;
        assert_eq!(
            (answer.status, answer.reason().as_deref()),
            (502, Some("response.undeclared")),
            "{protocol:?}"
        );
        assert!(!answer.text().contains(SECRET));
    }
    stage.gate.unharmed()
}

#[test]
fn a_head_without_its_body_says_nothing_of_what_would_go() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&answers("heads"))?;
    for protocol in Protocol::BOTH {
        let mut connection = stage.gate.client(protocol).connect()?;
        for (row, request, status) in [
            ("HEAD", Request::new("HEAD", "/pruned/small"), 200),
            ("HEAD of an error", Request::new("HEAD", "/pruned/conflict"), 409),
            ("304", Request::get("/pruned/same").header("if-none-match", "W/\"v1\""), 304),
        ] {
            let answer = connection.send(&request)?;
            assert_eq!((answer.status, answer.body.len()), (status, 0), "{protocol:?} {row}: {answer:?}");
            assert!(!answer.headers.has("content-length"), "{protocol:?} {row}: {answer:?}");
            is_true(&format!("{protocol:?} {row}"), &answer);
        }
        // The connection is still good for the next.
        assert_eq!(connection.send(&Request::get("/pruned/clean"))?.text(), r#"{"id":"a"}"#);
    }
    stage.gate.unharmed()
}

#[test]
fn in_shadow_it_is_counted_and_not_a_byte_changes() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&answers("counted"))?;
    for protocol in Protocol::BOTH {
        for (what, hashes) in [("small", 1), ("chunked", 1), ("trailers", 1), ("many", 2000)] {
            let answer = stage.gate.client(protocol).send(&Request::get(format!("/counted/{what}")))?;
            assert_eq!(answer.text().matches(SECRET).count(), hashes, "{protocol:?} {what}");
            assert_eq!(answer.header("etag").as_deref(), Some("\"v1\""), "{protocol:?} {what}");
        }
    }
    let labels = [("policy", "counted"), ("route", "counted"), ("outcome", "would_remove")];
    assert_eq!(stage.gate.sum("portcullis_decisions_total", &labels)?, 8);
    let audits = stage.gate.audits("counted", 8)?;
    let counts: Vec<_> = audits.iter().map(|audit| audit["events"][0]["count"].as_u64()).collect();
    assert_eq!(counts.iter().flatten().max(), Some(&4000), "{audits:?}");
    assert!(!format!("{audits:?}").contains("hash"), "{audits:?}");
    let _ = stage.upstream.take();
    stage.gate.unharmed()
}

#[test]
fn anothers_objects_are_dropped_or_refused_and_concealed() -> Result {
    let stage = STAGE.enter()?;
    let keys = Keys::generate()?;
    let owner = r#"value: "response:/items/*/by", is: user.sub"#;
    let routes = format!(
        r#"
tokens: {{ user: {} }}
routes:
  - {{ name: filtered, match: {{ method: GET, path: "/filtered/{{what}}" }}, tokens: [user], access: {{ shared: [what] }}, response: {{ owner: {{ {owner}, on_foreign: filter }} }} }}
  - {{ name: concealed, match: {{ method: GET, path: "/concealed/{{what}}" }}, tokens: [user], access: {{ shared: [what], conceal: true }}, response: {{ owner: {{ {owner} }} }} }}
"#,
        user_token(&keys)
    );
    stage.gate.adopt(&policy("shown", "enforce", &routes))?;
    let token = Mint::new(&keys).sign(Alg::Es256);
    for protocol in Protocol::BOTH {
        let mut connection = stage.gate.client(protocol).connect()?;
        let answer = connection.send(&Request::get("/filtered/list").bearer(&token))?;
        assert_eq!((answer.status, &*answer.text()), (200, r#"{"items":[{"by":"42"}]}"#), "{protocol:?}");
        is_true("filtered", &answer);
        for path in ["/concealed/list", "/concealed/small", "/concealed/empty", "/nowhere"] {
            let answer = connection.send(&Request::get(path).bearer(&token))?;
            let told = (answer.status, answer.reason());
            assert_eq!(told, (404, Some("routing.unmatched".into())), "{protocol:?} {path}");
            assert!(!format!("{answer:?}").contains(SECRET), "{protocol:?} {path}");
        }
        let head = connection.send(&Request::new("HEAD", "/concealed/list").bearer(&token))?;
        assert_eq!((head.status, head.headers.has("etag")), (404, false), "{protocol:?}: {head:?}");
    }
    stage.gate.unharmed()
}

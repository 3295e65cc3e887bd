//! Before anybody is asked for a token: the channel, the host, the path, the method, the app's version.

use portcullis_envoy::{Answer, Protocol, Request, Result, Version, policy};
use portcullis_shop::mint::Alg;

use crate::{STAGE, row};

const ROUTES: &str = r#"
routes:
  - { name: echo, match: { method: GET, path: /echo }, tokens: none }
  - { name: write, match: { method: [POST, PUT], path: /echo }, tokens: none }
"#;

fn doors(name: &str, transport: &str, more: &str) -> String {
    policy(name, "enforce", &format!("{more}{ROUTES}"))
        .replace("cleartext: allow, min_tls: \"1.2\"", transport)
}

fn get(path: &str) -> Request {
    Request::get(path)
}

fn verdict(name: &str, answer: &Answer, status: u16, reason: Option<&str>) {
    assert_eq!((answer.status, answer.reason().as_deref()), (status, reason), "{name}: {answer:?}");
}

#[test]
fn cleartext_is_rejected_or_sent_to_https_and_never_served() -> Result {
    let stage = STAGE.enter()?;
    let post = Request::new("POST", "/echo");
    for (name, transport, rows) in [
        (
            "rejected",
            r#"cleartext: reject, min_tls: "1.2""#,
            vec![
                ("GET", get("/echo"), 403),
                ("POST", post.clone(), 403),
                ("an unknown path", get("/x"), 403),
                ("a scheme that a client claims", get("/echo").header("x-forwarded-proto", "https"), 403),
            ],
        ),
        (
            "redirected",
            r#"cleartext: redirect, min_tls: "1.2""#,
            vec![
                ("GET", get("/echo?a=1&b=%20"), 308),
                ("HEAD", Request::new("HEAD", "/echo?a=1&b=%20"), 308),
                ("POST", post, 403),
                // It has leaked already, and must fail where its developer sees it.
                ("a token", get("/echo").bearer("x.y.z"), 403),
                ("a cookie", get("/echo").header("cookie", "session=1"), 403),
            ],
        ),
    ] {
        stage.gate.adopt(&doors(name, transport, ""))?;
        let before = stage.shop.seen_total();
        for protocol in Protocol::BOTH {
            for (what, request, status) in &rows {
                let answer = stage.gate.cleartext(protocol).send(request)?;
                assert_eq!(answer.status, *status, "{name} {protocol:?} {what}: {answer:?}");
                let location = answer.header("location");
                let https = "https://api.shop.example/echo?a=1&b=%20".to_owned();
                assert_eq!(location, (*status == 308).then_some(https), "{name} {protocol:?} {what}");
            }
        }
        assert_eq!(stage.shop.seen_total(), before, "{name}: the shop was asked");
        for protocol in Protocol::BOTH {
            assert_eq!(stage.gate.client(protocol).send(&get("/echo"))?.status, 200, "{name} {protocol:?}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_hop_in_front_is_believed_only_where_the_policy_says_so() -> Result {
    let stage = STAGE.enter()?;
    let https = get("/echo").header("x-forwarded-proto", "https");
    for (name, transport, client, want) in [
        ("ignored", r#"cleartext: reject, forwarded_proto: ignore"#, "", 403),
        ("trusted", r#"cleartext: reject, forwarded_proto: trust"#, "client: { ip: forwarded }\n", 200),
    ] {
        stage.gate.adopt(&doors(name, transport, client))?;
        for protocol in Protocol::BOTH {
            let answer = stage.gate.cleartext(protocol).send(&https)?;
            assert_eq!(answer.status, want, "{name} {protocol:?}: {answer:?}");
            let answer = stage.gate.cleartext(protocol).send(&get("/echo"))?;
            verdict(&row(protocol, name), &answer, 403, Some("transport.cleartext"));
        }
    }
    stage.gate.unharmed()
}

#[test]
fn an_older_tls_than_the_policys_is_refused() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&doors("tls-1-3", r#"cleartext: reject, min_tls: "1.3""#, ""))?;
    for protocol in Protocol::BOTH {
        let client = stage.gate.client(protocol);
        let answer = client.clone().only(Version::V1_2).send(&get("/echo"))?;
        verdict(&row(protocol, "TLS 1.2"), &answer, 403, Some("transport.tls_version"));
        assert_eq!(client.only(Version::V1_3).send(&get("/echo"))?.status, 200, "{protocol:?}");
    }
    stage.gate.unharmed()
}

#[test]
fn another_host_path_method_or_protocol_is_told_so() -> Result {
    let stage = STAGE.enter()?;
    let placed =
        doors("placed", r#"cleartext: allow"#, "").replace("hosts: any", "hosts: [api.shop.example]");
    stage.gate.adopt(&placed)?;
    let host = |host: &str| get("/echo").authority(host);
    let rows = [
        ("the host", get("/echo"), 200, None),
        ("the host with a port", host("api.shop.example:8443"), 200, None),
        ("the host in capitals and with a dot", host("API.shop.example."), 200, None),
        ("another host", host("evil.example"), 421, Some("routing.host")),
        ("a host that begins alike", host("api.shop.example.evil.example"), 421, Some("routing.host")),
        ("a host that ends alike", host("xapi.shop.example"), 421, Some("routing.host")),
        ("an address", host("127.0.0.1"), 421, Some("routing.host")),
        ("another path", get("/nowhere"), 404, Some("routing.unmatched")),
        ("a path within", get("/echo/x"), 404, Some("routing.unmatched")),
        ("another method", Request::new("DELETE", "/echo"), 405, Some("routing.method")),
        ("OPTIONS", Request::new("OPTIONS", "/echo"), 405, Some("routing.method")),
        ("TRACE", Request::new("TRACE", "/echo"), 405, Some("routing.method")),
    ];
    for protocol in Protocol::BOTH {
        for (name, request, status, reason) in &rows {
            let answer = stage.gate.client(protocol).send(request)?;
            verdict(&row(protocol, name), &answer, *status, *reason);
            let allow = answer.header("allow");
            let want = (*status == 405).then(|| "GET, HEAD, POST, PUT".to_owned());
            assert_eq!(allow, want, "{protocol:?} {name}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn tunnels_and_upgrades_reach_nobody() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&doors("tunnels", r#"cleartext: allow"#, ""))?;
    let before = stage.shop.seen_total();
    for head in [
        "CONNECT api.shop.example:443 HTTP/1.1\r\nhost: api.shop.example:443\r\n\r\n",
        "CONNECT /echo HTTP/1.1\r\nhost: api.shop.example\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: api.shop.example\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET /echo HTTP/1.1\r\nhost: api.shop.example\r\nconnection: upgrade\r\nupgrade: something\r\n\r\n",
    ] {
        for client in [stage.gate.client(Protocol::H1), stage.gate.cleartext(Protocol::H1)] {
            let mut raw = client.connect_raw()?;
            raw.write(head)?;
            // The host refuses most of them by itself, some by closing.
            let answer = raw.answer();
            assert!(
                answer.as_ref().is_err() || answer.is_ok_and(|it| (400..500).contains(&it.status)),
                "{head}"
            );
        }
    }
    assert_eq!(stage.shop.seen_total(), before, "the shop was asked");

    // Without `connection: upgrade` it asks for nothing, and the host drops it.
    let answer = stage.gate.cleartext(Protocol::H1).send(&get("/echo").header("upgrade", "something"))?;
    assert_eq!((answer.status, answer.text().contains("something")), (200, false), "{answer:?}");
    stage.gate.unharmed()
}

#[test]
fn an_app_that_is_too_old_is_told_where_to_update() -> Result {
    const IOS: &str = "https://apps.example/ios";
    let stage = STAGE.enter()?;
    let client = |name: &str, unknown: &str| {
        let user = stage.tokens();
        let more = format!(
            r#"
{user}
client:
  ip: connection
  platform: header.x-app-platform
  app_version: {{ from: "user.app_version|header.x-app-version", minimum: {{ ios: "5.0.0" }}, unknown: {unknown} }}
  upgrade: {{ ios: "{IOS}" }}
"#
        );
        let claimed = "  - { name: claimed, match: { method: GET, path: /echo/me }, tokens: [user], access: authenticated }\n";
        format!("{}{claimed}", doors(name, r#"cleartext: allow"#, &more))
    };
    let app = |path: &str, platform: &str, version: &str| {
        get(path).header("x-app-platform", platform).header("x-app-version", version)
    };
    let claims = |version: &str| stage.mint().claim("app_version", version).sign(Alg::Es256);
    let (old, new) = (claims("4.9.9"), claims("5.1.0"));
    let outdated = (426, Some("client.outdated"));
    let unknown = (426, Some("client.unknown"));
    let served = (200, None);
    let allowed = vec![
        ("new", app("/echo", "ios", "5.0.0"), served),
        ("newer, with a build", app("/echo", "iOS", "5.10.2 (77)"), served),
        ("old", app("/echo", "ios", "4.99.9"), outdated),
        ("old, in capitals", app("/echo", "IOS", "4.9"), outdated),
        ("another platform", app("/echo", "android", "1.0"), served),
        ("no version", get("/echo").header("x-app-platform", "ios"), served),
        ("no number", app("/echo", "ios", "latest"), served),
        (
            "two versions",
            app("/echo", "ios", "5.0.0").header("x-app-version", "4.0.0"),
            (400, Some("client.ambiguous")),
        ),
        ("an old claim", app("/echo/me", "ios", "5.1.0").bearer(&old), outdated),
        ("a new claim", app("/echo/me", "ios", "4.0.0").bearer(&new), served),
        ("no claim", app("/echo/me", "ios", "4.0.0").bearer(&stage.alice()), outdated),
    ];
    let refused = vec![
        ("no version", get("/echo").header("x-app-platform", "ios"), unknown),
        ("no platform", get("/echo").header("x-app-version", "5.0.0"), unknown),
        (
            "not UTF-8",
            get("/echo").header("x-app-platform", "ios").header("x-app-version", b"5\xff"),
            unknown,
        ),
        ("new", app("/echo", "ios", "5.0.0"), served),
    ];
    for (name, mode, rows) in [("versions-known", "allow", allowed), ("versions-demanded", "refuse", refused)]
    {
        stage.gate.adopt(&client(name, mode))?;
        for protocol in Protocol::BOTH {
            for (what, request, (status, reason)) in &rows {
                let answer = stage.gate.client(protocol).send(request)?;
                verdict(&row(protocol, format!("{name} {what}")), &answer, *status, *reason);
                if *reason == Some("client.outdated") {
                    let link = format!("<{IOS}>; rel=\"latest-version\"");
                    assert_eq!(answer.header("link"), Some(link), "{protocol:?} {what}");
                    assert_eq!(answer.json()?["upgrade"], IOS, "{protocol:?} {what}");
                }
            }
        }
    }
    stage.gate.unharmed()
}

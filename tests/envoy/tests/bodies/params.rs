//! Path, query and headers.

use portcullis_envoy::{Protocol, Request, Result, policy};

use crate::STAGE;

#[test]
fn parameters_are_typed_and_a_query_is_known_or_refused() -> Result {
    const PARAMS: &str = r#"
routes:
  - name: typed
    match: { method: GET, path: "/items/{id}" }
    tokens: none
    request:
      params:
        path.id: { type: integer, minimum: 1 }
        query.q: { type: string, maxLength: 5 }
        query.limit: { type: integer, minimum: 1, maximum: 100 }
        query.tag: { type: array, items: { type: string }, maxItems: 2 }
        header.x-tenant: { enum: [shop, market] }
      required: [query.q]
  - name: strip
    match: { method: GET, path: /strip }
    tokens: none
    request: { params: { query.keep: { type: string } }, unknown_query: strip }
  - { name: allow, match: { method: GET, path: /allow }, tokens: none, request: { params: { query.keep: { type: string } }, unknown_query: allow } }
  - { name: closed, match: { method: GET, path: /closed }, tokens: none, request: { unknown_query: reject } }
"#;
    const PARAMETER: Option<&str> = Some("request.parameter");
    const AMBIGUOUS: Option<&str> = Some("request.ambiguous");
    const UNKNOWN: Option<&str> = Some("request.unknown_query");
    let stage = STAGE.enter()?;
    stage.gate.adopt(&policy("params", "enforce", PARAMS))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        // What is sent, and why it is refused or what of it the upstream sees.
        for (path, tenant, reason, seen) in [
            ("/items/7?q=tea", &["shop"][..], None, "/items/7?q=tea"),
            ("/items/7?limit=100&q=%74ea&tag=a&tag=b", &[], None, "/items/7?limit=100&q=%74ea&tag=a&tag=b"),
            ("/items/7?q=caf%C3%A9", &[], None, "/items/7?q=caf%C3%A9"),
            ("/items/7", &[], PARAMETER, ""),
            ("/items/7?q=", &[], None, "/items/7?q="),
            ("/items/7?q=toolong", &[], PARAMETER, ""),
            ("/items/7?q=%ff", &[], PARAMETER, ""),
            ("/items/7?q=a&q=a", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&%71=b", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&limit=0", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=101", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=1e1", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=+1", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=1&limit=1", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&tag=a&tag=b&tag=c", &[], PARAMETER, ""),
            ("/items/7?q=a&admin=1", &[], UNKNOWN, ""),
            ("/items/7?q=a&", &[], None, "/items/7?q=a&"),
            ("/items/x?q=a", &[], PARAMETER, ""),
            ("/items/07?q=a", &[], PARAMETER, ""),
            ("/items/0?q=a", &[], PARAMETER, ""),
            ("/items/7?q=a", &["other"], PARAMETER, ""),
            ("/items/7?q=a", &["shop", "market"], AMBIGUOUS, ""),
            ("/strip?keep=1&drop=2", &[], None, "/strip?keep=1"),
            ("/strip?drop=2&%6beep=%31&drop", &[], None, "/strip?%6beep=%31"),
            ("/strip?drop=2", &[], None, "/strip"),
            ("/strip?", &[], None, "/strip?"),
            ("/strip?keep=1&keep=2", &[], AMBIGUOUS, ""),
            ("/allow?any=1&any=2", &[], None, "/allow?any=1&any=2"),
            ("/closed", &[], None, "/closed"),
            ("/closed?a", &[], UNKNOWN, ""),
        ] {
            let row = format!("{protocol:?} {path} {tenant:?}");
            let request = Request::get(path);
            let request = tenant.iter().fold(request, |request, tenant| request.header("x-tenant", tenant));
            let answer = stage.gate.client(protocol).send(&request)?;
            assert_eq!(answer.status, if reason.is_some() { 400 } else { 200 }, "{row}: {answer:?}");
            assert_eq!(answer.reason().as_deref(), reason, "{row}: {answer:?}");
            let came: Vec<_> = stage.upstream.take().into_iter().map(|seen| seen.path).collect();
            assert_eq!(came, Vec::from_iter(reason.is_none().then_some(seen)), "{row}");
        }
    }
    stage.gate.unharmed()
}

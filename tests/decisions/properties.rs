//! What holds for every request and for every document, not only for those that somebody thought of.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use portcullis::document::Node;
use portcullis::document::patched;
use portcullis::engine;
use portcullis::engine::Decision;
use portcullis::engine::Grown;
use portcullis::engine::Step;
use portcullis::fault::Problems;
use portcullis::model::headers::Headers;
use portcullis::model::secrets::Secrets;
use portcullis::model::time::Nanos;
use portcullis::policy::Circumstances;
use portcullis::policy::Kept;
use portcullis::policy::Policy;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::sample::select;
use serde_json::Value;

use crate::case::KeySets;
use crate::folder;
use crate::run::Worker;

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

fn document(path: &Path) -> Rc<Node> {
    portcullis::cli::read(path, &Problems::default()).unwrap()
}

/// Every policy that cases name.
fn policies() -> Vec<Rc<Node>> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder().join("policies")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.iter().map(|name| document(name)).collect()
}

fn tokens() -> Worker {
    Worker::new(&document(&folder().join("policies/tokens.yaml")), NOW, KeySets::Fetched).unwrap()
}

fn paths() -> Worker {
    Worker::new(&document(&folder().join("policies/paths.yaml")), NOW, KeySets::Fetched).unwrap()
}

thread_local! {
    // Made once: what a worker remembers of other requests must not matter.
    static POLICIES: Vec<Rc<Node>> = policies();
    static WORKERS: RefCell<Vec<Worker>> = RefCell::new(workers());
    static TOKENS: RefCell<Worker> = RefCell::new(tokens());
    static PATHS: RefCell<Worker> = RefCell::new(paths());
}

/// What becomes of any head and body: the route by which the request goes on.
fn send(worker: &mut Worker, lines: &[(Vec<u8>, Vec<u8>)], body: Option<&[u8]>) -> Option<String> {
    let headers = Headers::from_pairs(lines.iter().map(|(name, value)| (name, value)));
    let step = engine::arrive(&worker.policy, &mut worker.memory, &worker.world, headers, body.is_none());
    let body = body.unwrap_or_default();
    let step = match step {
        Step::NeedBody(waiting) => {
            let length = u64::try_from(body.len()).unwrap();
            match waiting.grow(length, &mut worker.memory, &worker.world) {
                Grown::Settled(step) => *step,
                Grown::Wait(waiting) => waiting.judge(body, &mut worker.memory, &worker.world),
            }
        }
        step => step,
    };
    // The keys are there.
    let Step::Settled(decision) = step else { return None };
    match decision {
        Decision::Refuse(rejection) => {
            assert!((300..600).contains(&rejection.answer.status));
            serde_json::from_slice::<Value>(&rejection.answer.body).unwrap();
            serde_json::from_slice::<Value>(&rejection.record.audit(Some(rejection.answer.status))).unwrap();
            None
        }
        Decision::Admit(mut admission) => Some(admission.answer.record_mut().route_name().to_owned()),
    }
}

/// Bytes, some of them near to what a request has.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "\\PC{0,40}".prop_map(String::into_bytes),
        "Bearer [A-Za-z0-9_.-]{0,60}".prop_map(String::into_bytes),
        "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6InRlc3QiLCJ0eXAiOiJhdCtqd3QifQ\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{86}".prop_map(String::into_bytes),
        "/(v1/)?(users|orders|mine|both)/?[a-z0-9%;./]{0,9}(\\?[a-z=&%]{0,9})?".prop_map(String::into_bytes),
        select(vec!["GET", "POST", "PUT", "HEAD", "OPTIONS", "api.shop.example", "application/json", "0", "7", "gzip", "websocket"])
            .prop_map(|it| it.as_bytes().to_vec()),
    ]
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => select(vec![
            ":method", ":path", ":authority", ":scheme", ":protocol", "authorization", "content-type", "content-length", "content-encoding",
            "upgrade", "x-app-token", "x-app-version", "x-app-platform", "x-user-id", "x_user_id", "x-request-id", "origin",
            "access-control-request-method", "x-device", "x-account", "x-forwarded-for", "transfer-encoding",
        ]).prop_map(|it| it.as_bytes().to_vec()),
        1 => bytes(),
    ]
}

fn lines() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    prop::collection::vec((names(), bytes()), 0..9)
}

/// A method and a path that some policy has a route for.
fn place() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![
        ("GET", "/v1/users/u1"),
        ("GET", "/v1/orders/7"),
        ("POST", "/v1/orders"),
        ("POST", "/v1/transfers"),
        ("PUT", "/v1/upload"),
        ("GET", "/v1/search?q=%ff&limit=1&limit=2"),
        ("GET", "/header"),
        ("GET", "/query?account=%00"),
        ("GET", "/several/a?id=a"),
        ("GET", "/device"),
        ("GET", "/staged"),
        ("GET", "/object/%F0%9F%98%80"),
        ("POST", "/order"),
        ("POST", "/numbers"),
        ("PUT", "/any"),
        ("GET", "/strip?x&a=%"),
        ("GET", "/both"),
        ("GET", "/guests"),
        ("PATCH", "/orders"),
        ("GET", "/v1/socket"),
        ("GET", "/read"),
    ])
}

/// A head that gets as far as a route, with lines around it.
fn head(method: &str, path: &str, mut around: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    around.retain(|(name, _)| !name.starts_with(b":"));
    let own = [(":method", method), (":path", path), (":authority", "api.shop.example")];
    around.extend(own.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())));
    around
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_makes_it_panic(
        which in any::<Index>(), shadow: bool, place in prop::option::of(place()), lines in lines(), body in prop::option::of(bytes()),
    ) {
        let lines = match place {
            Some((method, path)) => head(method, path, lines),
            None => lines,
        };
        WORKERS.with_borrow_mut(|workers| {
            let each = workers.len() / 2;
            let at = which.index(each) + if shadow { each } else { 0 };
            let _ = send(&mut workers[at], &lines, body.as_deref());
        });
    }

    #[test]
    fn without_a_good_token_nobody_passes_where_one_is_demanded(
        path in select(vec!["/mine", "/staff", "/either", "/both"]), method in select(vec!["GET", "HEAD"]), around in lines(),
    ) {
        let admitted = TOKENS.with_borrow_mut(|worker| send(worker, &head(method, path, around), None));
        prop_assert_eq!(admitted, None);
    }

    #[test]
    fn whatever_the_path_only_a_route_of_the_policy_or_nobody_answers(path in "/[a-zA-Z0-9/{}.;%-]{0,24}", method in select(vec!["GET", "POST", "DELETE"])) {
        let (admitted, known) = PATHS.with_borrow_mut(|worker| {
            let known: Vec<String> = worker.policy.routes.iter().map(|route| route.name.as_str().to_owned()).collect();
            (send(worker, &head(method, &path, Vec::new()), None), known)
        });
        prop_assert!(admitted.as_ref().is_none_or(|name| known.contains(name)), "{path}: {admitted:?}");
    }

    #[test]
    fn no_document_makes_the_compiler_panic_and_none_with_a_fault_compiles(document in json()) {
        judge(&document)?;
    }

    #[test]
    fn nor_does_a_policy_of_which_one_part_was_replaced(which in any::<Index>(), place in any::<Index>(), part in json()) {
        let mut policy = POLICIES.with(|policies| which.get(policies).to_json());
        let mut places = Vec::new();
        pointers(&policy, String::new(), &mut places);
        let place = &places[place.index(places.len())];
        *policy.pointer_mut(place).unwrap() = part;
        judge(&policy)?;
    }
}

/// Every policy of the cases, once as it is and once with all of it in shadow.
fn workers() -> Vec<Worker> {
    let patch = Node::from_json(br#"{ "mode": "shadow", "modes": null }"#, &Problems::default()).unwrap();
    let policies = policies();
    let shadows: Vec<_> = policies.iter().map(|policy| patched(policy, &patch)).collect();
    policies
        .iter()
        .chain(&shadows)
        .map(|policy| Worker::new(policy, NOW, KeySets::Fetched).unwrap())
        .collect()
}

/// Any JSON, of the language's own words and values among others.
fn json() -> impl Strategy<Value = Value> {
    let word = select(vec![
        "version",
        "name",
        "routes",
        "route",
        "group",
        "path",
        "match",
        "method",
        "tokens",
        "access",
        "owner",
        "value",
        "is",
        "unless",
        "any",
        "request",
        "response",
        "schema",
        "limits",
        "key",
        "rate",
        "mode",
        "modes",
        "enforce",
        "shadow",
        "none",
        "optional",
        "user.sub",
        "path.id",
        "body:/a",
        "5/1m",
        "1KiB",
        "GET",
        "/a/{id}",
        "defaults",
        "overrides",
        "client",
        "transport",
        "routing",
        "type",
        "object",
        "$ref",
        "#",
        "pattern",
        "(a",
        "properties",
        "items",
        "allOf",
        "json",
        "when",
        "until",
        "2027-01-20T00:00:00Z",
        "file",
        "include",
    ]);
    let word = || word.clone().prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let (keys, others) = (word(), "\\PC{0,6}");
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let key = prop_oneof![4 => keys.clone(), 1 => others];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Compiles a document: a policy comes of it if, and only if, nothing is wrong with it.
fn judge(document: &Value) -> Result<(), TestCaseError> {
    let problems = Problems::default();
    let circumstances = Circumstances { now: NOW, secrets: Secrets::needed(&|_| None) };
    let node = Node::from_json(document.to_string().as_bytes(), &problems);
    let policy = node.and_then(|node| Policy::compile(&node, &mut Kept::default(), circumstances, &problems));
    let faults = problems.into_parts().0;
    prop_assert_eq!(policy.is_some(), faults.is_empty(), "{:?}", faults);
    Ok(())
}

/// Every place of a value, as a JSON Pointer.
fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{at}/{index}"), out));
        }
        _ => {}
    }
    out.push(at);
}

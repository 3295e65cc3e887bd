//! One, two and four limits for a request, each with a budget per value of a header, beside `local_ratelimit`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::envoy::{Chain, Served, portcullis};
use crate::native::{Key, local_ratelimit};
use crate::part::policy;
use crate::report::Page;
use crate::rounds::{Effort, Row, measure};
use crate::tokens::{CALLERS, get, name};

/// The header that one limit counts by.
pub(super) const KEY: &str = "x-user";

/// The headers that several limits count by.
const KEYS: [&str; 4] = [KEY, "x-device", "x-tenant", "x-plan"];

const BARE: &str = "bare";
const OPEN: &str = "Portcullis: no limit";

/// How many limits, and what the rows are called.
const COUNTS: [(usize, &str, &str); 3] = [
    (1, "native: one limit", "Portcullis: one limit"),
    (2, "native: two limits", "Portcullis: two limits"),
    (4, "native: four limits", "Portcullis: four limits"),
];

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let mut chains =
        vec![Chain::new("bare", vec![]), Chain::new("portcullis", vec![portcullis(&limited())?])];
    for (count, native, _) in COUNTS {
        let keys: Vec<_> = KEYS.iter().take(count).map(|key| Key::Header(key)).collect();
        chains.push(Chain::new(native, vec![local_ratelimit(&keys)]));
    }
    let served = Served::start(chains, None, 1)?;

    let ours = served.address("portcullis")?;
    let mut rows = vec![
        Row::new(BARE, served.address("bare")?, requests(0), 200)?,
        Row::new(OPEN, ours, requests(0), 200)?,
    ];
    for (count, native, portcullis) in COUNTS {
        rows.push(Row::new(native, served.address(native)?, requests(count), 200)?);
        rows.push(Row::new(portcullis, ours, requests(count), 200)?);
    }
    served.workers.pin()?;
    let measured = measure(&served.workers, &mut rows, effort)?;

    let mut page = Page::new("Limits");
    page.costs(&measured, BARE)?;
    for (_, native, portcullis) in COUNTS {
        page.figure(
            &format!("{portcullis}, added over {OPEN}, us"),
            measured.added(portcullis, OPEN)?,
            1,
            None,
        )?;
        page.ratio(&measured, (portcullis, native, BARE), None)?;
    }
    Ok(page)
}

/// A request of each caller, to the route with so many limits.
pub(super) fn requests(limits: usize) -> Vec<Vec<u8>> {
    let request = |caller: usize| {
        let lines: String = KEYS.iter().map(|key| format!("{key}: {}\r\n", name(caller))).collect();
        get(&format!("/limits/{limits}"), &lines)
    };
    (0..CALLERS).map(request).collect()
}

/// A route for every number of limits, none among them.
pub(super) fn limited() -> Value {
    let limit = |key: &str| {
        let limit = json!({
            "key": [format!("header.{key}")], "missing": "deny", "rate": "1000000/1m", "burst": 1_000_000,
        });
        (key.to_owned(), limit)
    };
    let limits: Map<_, _> = KEYS.into_iter().map(limit).collect();
    let route = |count: usize| {
        json!({
            "name": format!("limits.{count}"),
            "match": { "method": "GET", "path": format!("/limits/{count}") },
            "tokens": "none",
            "limits": KEYS.iter().take(count).collect::<Vec<_>>(),
        })
    };
    let mut routes: Vec<Value> = [1, 2, 4].map(route).into();
    routes.push(json!({
        "name": "limits.0", "match": { "method": "GET", "path": "/limits/0" }, "tokens": "none",
    }));
    policy(json!({ "limits": limits, "routes": routes }))
}

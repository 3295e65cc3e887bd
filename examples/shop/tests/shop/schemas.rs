//! The schemas of the API fit what it takes and gives, and bound everything.

use std::collections::BTreeMap;
use std::path::Path;

use jsonschema::draft202012;
use portcullis_shop::Config;
use portcullis_shop::Shop;
use portcullis_shop::data::ALICE_ORDER;
use serde_json::Value;
use serde_json::json;

use crate::client::call;
use crate::client::get;
use crate::client::send;

const REQUESTS: [&str; 7] =
    ["login", "logout", "order-create", "otp-verify", "refresh", "transfer", "user-update"];
const ANSWERS: [&str; 8] =
    ["order", "orders", "search", "statements", "tokens", "transfer-done", "user", "wallet"];

fn schemas() -> BTreeMap<String, Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let read = |name: &&str| {
        let text = std::fs::read_to_string(dir.join(format!("{name}.json"))).unwrap();
        ((*name).to_owned(), serde_json::from_str(&text).unwrap())
    };
    REQUESTS.iter().chain(&ANSWERS).map(read).collect()
}

/// Every place of a schema that lets in something without a bound.
fn unbounded(schema: &Value, closed: bool, at: &str, found: &mut Vec<String>) {
    let has = |keyword: &str| schema.get(keyword).is_some();
    let missing = match schema["type"].as_str() {
        Some("string") if !has("maxLength") => Some("maxLength"),
        Some("array") if !has("maxItems") => Some("maxItems"),
        Some("array") if !has("items") => Some("items"),
        Some("integer") if closed && !(has("minimum") && has("maximum")) => Some("minimum and maximum"),
        Some("object") if closed && schema["additionalProperties"] != json!(false) => {
            Some("additionalProperties")
        }
        None if !has("enum") && !has("const") => Some("type"),
        _ => None,
    };
    found.extend(missing.map(|keyword| format!("{at}: {keyword}")));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        unbounded(property, closed, &format!("{at}/{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        unbounded(items, closed, &format!("{at}/*"), found);
    }
}

#[test]
fn every_schema_is_valid_and_bounds_what_it_lets_in() {
    let mut found = Vec::new();
    for (name, schema) in schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert!(draft202012::meta::is_valid(&schema), "{name}");
        unbounded(&schema, REQUESTS.contains(&name.as_str()), &name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn honest_requests_fit_and_the_attacks_of_the_demo_do_not() {
    let schemas = schemas();
    let fits = |name: &str, body: &Value| draft202012::is_valid(&schemas[name], body);
    let item = json!({ "sku": "tea-001", "quantity": 1 });
    for (name, good, bad) in [
        ("login", json!({ "email": "a@b", "password": "p" }), json!({ "email": "a@b", "password": ["p"] })),
        ("logout", json!({ "refresh_token": "0123456789abcdef" }), json!({ "refresh_token": "short" })),
        ("order-create", json!({ "items": [item] }), json!({ "items": [item], "total_cents": 1 })),
        ("otp-verify", json!({ "code": "004217" }), json!({ "code": "4217", "user_id": "77" })),
        ("refresh", json!({ "refresh_token": "0123456789abcdef" }), json!({})),
        (
            "transfer",
            json!({ "from": "42", "to": "77", "amount_cents": 1 }),
            json!({ "from": "42", "to": "77", "amount_cents": -1 }),
        ),
        ("user-update", json!({ "name": "Alice" }), json!({ "name": "Alice", "roles": ["admin"] })),
    ] {
        assert!(fits(name, &good), "{name}: {good}");
        assert!(!fits(name, &bad), "{name}: {bad}");
    }
}

#[test]
fn what_the_shop_answers_fits_the_schemas() {
    let shop = Shop::start(Config::default()).unwrap();
    let schemas = schemas();
    let login = r#"{"email":"alice@shop.example","password":"alice-likes-tea"}"#;
    let transfer = r#"{"from":"42","to":"77","amount_cents":1}"#;
    for (name, answer) in [
        ("order", get(shop.api, &format!("/v1/orders/{ALICE_ORDER}"))),
        ("orders", call(shop.api, "GET", "/v1/orders", "x-user-id: 42\r\n")),
        ("search", get(shop.api, "/v1/search?q=tea&limit=5")),
        ("statements", get(shop.api, "/v1/statements?account_id=42")),
        ("tokens", send(shop.api, "POST", "/v1/login", login)),
        ("transfer-done", send(shop.api, "POST", "/v1/transfers", transfer)),
        ("user", get(shop.api, "/v1/users/42")),
        ("wallet", call(shop.api, "GET", "/v1/wallet", "x-account-id: 42\r\n")),
    ] {
        let body = answer.json();
        assert!(draft202012::is_valid(&schemas[name], &body), "{name}: {body}");
    }
}

//! What is played, as data.
//!
//! Alice attacks, with a good token of her own wherever no other is named; bob is the victim.

use std::time::Duration;

use portcullis_envoy::{Request, Result};
use portcullis_shop::data::{ALICE_LOGIN, ALICE_ORDER, BOB_LOGIN, BOB_ORDER};
use portcullis_shop::idp::ACR_MFA;
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

use crate::row::Aim::{Prize, Statuses};
use crate::row::{Row, attack, honest};

const PROFILE: &str = "/v1/users/42?fields=id,name,email";
const ALICES_PROFILE: crate::row::Aim = Prize("alice@shop.example");
const BOBS_PROFILE: crate::row::Aim = Prize("bob@shop.example");
const DAY: u64 = 86_400;

/// All rows. Their tokens are good for ten minutes, unless they are meant not to be.
pub(crate) fn all(keys: &Keys) -> Result<Vec<Row>> {
    let alice = Mint::new(keys).sign(Alg::Es256);
    let parts = [
        tokens(keys)?,
        objects(&alice),
        bodies(keys, &alice),
        paths(&alice),
        numbers(keys, &alice)?,
        apps(&alice),
    ];
    Ok(parts.into_iter().flatten().collect())
}

/// Who calls, and over what?
fn tokens(keys: &Keys) -> Result<Vec<Row>> {
    let good = || Mint::new(keys);
    let profile = |token: Mint<'_>, alg| Request::get(PROFILE).bearer(&token.sign(alg));
    let stranger = keys.next()?;
    let forged = |kid: &str| profile(Mint::new(&stranger).header("kid", kid), Alg::Es256);
    let confused = good().header("kid", keys.rs256.kid()).secret(keys.rs256.public_pem());
    let long_ago = good().claim("iat", 1_500_000_000).claim("exp", 1_500_000_600);
    Ok(vec![
        attack("a call over cleartext", [profile(good(), Alg::Es256)], ALICES_PROFILE)
            .cleartext()
            .refused(403, "transport.cleartext"),
        attack("no token", [Request::get(PROFILE)], ALICES_PROFILE).refused(401, "tokens.missing"),
        attack(
            "alg none; HS256 keyed with the public key",
            [profile(good(), Alg::None), profile(confused, Alg::Hs256)],
            ALICES_PROFILE,
        )
        .refused(401, "tokens.algorithm"),
        attack(
            "a forger's key, under a known id and its own",
            [forged(keys.es256.kid()), forged("mine")],
            ALICES_PROFILE,
        )
        .refused(401, "tokens.signature, tokens.unknown_key"),
        attack("an expired token", [profile(long_ago, Alg::Rs256)], ALICES_PROFILE)
            .refused(401, "tokens.expired"),
        attack("a token for ten years", [profile(good().lifetime(3_650 * DAY), Alg::Rs256)], ALICES_PROFILE)
            .refused(401, "tokens.lifetime"),
        attack(
            "a token for another API",
            [profile(good().claim("aud", "shop-web"), Alg::Es256)],
            ALICES_PROFILE,
        )
        .refused(401, "tokens.audience"),
    ])
}

/// Whose object is it?
fn objects(alice: &str) -> Vec<Row> {
    let get = |path: &str| Request::get(path).bearer(alice);
    vec![
        attack("bob's profile, by its path", [get("/v1/users/77?fields=id,name,email")], BOBS_PROFILE)
            .refused(403, "access.foreign"),
        attack(
            "bob's statement by query, wallet by header",
            [get("/v1/statements?account_id=77"), get("/v1/wallet").header("x-account-id", "77")],
            Prize(r#""account_id":"77""#),
        )
        .refused(403, "access.foreign"),
        attack(
            "bob's order by its id, also without his name",
            ["id,customer_id,items", "id,items"]
                .map(|fields| get(&format!("/v1/orders/{BOB_ORDER}?fields={fields}"))),
            Prize("coffee-003"),
        )
        .refused(403, "access.foreign, access.owner_missing"),
        // It passes: the identity is the verified token's, whatever the client says, and the orders are alice's own.
        attack(
            "bob's orders, by a spoofed x-user-id",
            [get("/v1/orders?fields=id,customer_id").header("x-user-id", "77")],
            Prize(r#""customer_id":"77""#),
        ),
    ]
}

/// What may go in, and what may come out?
fn bodies(keys: &Keys, alice: &str) -> Vec<Row> {
    let with_second_factor = Mint::new(keys).claim("acr", ACR_MFA).sign(Alg::Es256);
    let json = |method, path: &str, token: &str, body: String| {
        Request::new(method, path).bearer(token).header("content-type", "application/json").chunk(body)
    };
    let deep = format!(r#"{{"name":"Alice","more":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let cheap = json!({ "items": [{ "sku": "kettle-004", "quantity": 1 }], "total_cents": 1 });
    let transfer = |cents: &str| format!(r#"{{"to":"77",{cents}}}"#);
    vec![
        attack(
            "mass assignment: PATCH with roles",
            [json("PATCH", "/v1/users/42", alice, json!({ "roles": ["support"] }).to_string())],
            Prize(r#""roles":["support"]"#),
        )
        .refused(422, "request.schema"),
        attack(
            "an unknown field: a kettle for one cent",
            [json("POST", "/v1/orders?fields=total_cents", alice, cheap.to_string())],
            Prize(r#"{"total_cents":1}"#),
        )
        .without(&[(1, 201)])
        .refused(422, "request.schema"),
        attack(
            "JSON with a key twice; JSON 100 levels deep",
            [
                json(
                    "POST",
                    "/v1/transfers",
                    &with_second_factor,
                    transfer(r#""amount_cents":1,"amount_cents":90000"#),
                ),
                json("PATCH", "/v1/users/42?fields=id,name", alice, deep),
            ],
            Prize(r#""amount_cents":90000"#),
        )
        .without(&[(1, 201), (1, 200)])
        .refused(400, "request.duplicate_name, request.structure"),
        // It passes: what the schema does not declare was taken out.
        attack(
            "an answer with the password hash in it",
            [Request::get("/v1/users/42").bearer(alice)],
            Prize("password_hash"),
        ),
        attack(
            "an answer that tells what the shop earns",
            [Request::get(format!("/v1/orders/{ALICE_ORDER}")).bearer(alice)],
            Prize("margin_cents"),
        )
        .refused(502, "response.schema"),
        attack(
            "a transfer without a second factor",
            [json("POST", "/v1/transfers", alice, transfer(r#""amount_cents":90000"#))],
            Prize(r#""amount_cents":90000"#),
        )
        .without(&[(1, 201)])
        .refused(401, "access.step_up"),
    ]
}

/// Which call is it?
fn paths(alice: &str) -> Vec<Row> {
    let get = |path: &str| Request::get(path).bearer(alice);
    vec![
        attack(
            "ways round: /V1//users/77/ and /v1/users/77;x",
            [get("/V1//users/77/"), get("/v1/users/77;x")],
            BOBS_PROFILE,
        )
        .refused(400, "routing.ambiguous"),
        attack(
            "a POST that a header turns into a GET",
            [Request::new("POST", "/v1/users/77").bearer(alice).header("x-http-method-override", "GET")],
            BOBS_PROFILE,
        )
        .refused(405, "routing.method"),
        attack("an endpoint that nobody declared", [get("/echo/debug")], Prize("body_sha256"))
            .refused(404, "routing.unmatched"),
        attack(
            "an app that is too old",
            [get(PROFILE).header("x-app-platform", "android").header("x-app-version", "5.0.9")],
            ALICES_PROFILE,
        )
        .refused(426, "client.outdated"),
    ]
}

/// How many?
fn numbers(keys: &Keys, alice: &str) -> Result<Vec<Row>> {
    // The right code is among them.
    let code =
        |n: u32| Request::post_json("/v1/otp/verify", &json!({ "code": format!("{n:06}") })).bearer(alice);
    let search = |n: u32| Request::get(format!("/v1/search?limit=1&q=no.+{n}"));
    // Another account, so that the honest rows find alice's budget as it was.
    let mallory = Mint::new(keys).claim("sub", "13").sign(Alg::Es256);
    // Up to bob's two.
    let ids = (20..120).map(|last| BOB_ORDER.to_string().replace("3e77", &format!("3e{last:02x}")));
    let order = |id: String| Request::get(format!("/v1/orders/{id}")).bearer(&mallory);
    let bob = Mint::new(keys).claim("sub", "77").sign(Alg::Es256);
    let retry = Request::get("/v1/users/77?fields=id,name").bearer(&bob);
    let stranger = keys.next()?;
    let forged = |n: u32| {
        let token = Mint::new(&stranger).header("kid", keys.es256.kid()).claim("jti", format!("forged-{n}"));
        Request::get(PROFILE).bearer(&token.sign(Alg::Es256))
    };
    Ok(vec![
        // The last ones cost no signature.
        attack(
            "150 forged tokens from one address",
            (0..150).map(forged).collect::<Vec<_>>(),
            ALICES_PROFILE,
        )
        .with(&[(100, 401), (50, 429)], "tokens.signature, limits.exceeded"),
        attack("100 one-time codes guessed", (4_200..4_300).map(code).collect::<Vec<_>>(), Prize("verified"))
            .without(&[(99, 401), (1, 200)])
            .with(&[(5, 401), (95, 429)], "limits.exceeded"),
        attack("200 passwords tried from one address", passwords(ALICE_LOGIN, 200), Prize("access_token"))
            .without(&[(199, 401), (1, 200)])
            .with(&[(5, 401), (195, 429)], "limits.exceeded, limits.penalty"),
        attack("100 passwords tried from 100 addresses", passwords(BOB_LOGIN, 100), Prize("access_token"))
            .spread()
            .without(&[(99, 401), (1, 200)])
            .with(&[(20, 401), (80, 429)], "limits.exceeded"),
        attack(
            "100 order ids tried, bob's among them",
            ids.map(order).collect::<Vec<_>>(),
            Prize("coffee-003"),
        )
        .without(&[(98, 404), (2, 200)])
        .with(&[(30, 404), (70, 429)], "limits.exceeded"),
        attack("100 searches to copy the catalogue", (0..100).map(search).collect::<Vec<_>>(), Statuses)
            .at_once(Duration::from_secs(1))
            .with(&[(30, 200), (70, 429)], "limits.exceeded"),
        attack("a retry storm: 300 calls of one app at once", vec![retry; 300], Statuses)
            .at_once(Duration::from_millis(500))
            .with(&[(40, 200), (260, 429)], "limits.exceeded"),
    ])
}

/// So many passwords for this account; the last one is right. A new `x-forwarded-for` each time gives no new budget.
fn passwords((mail, right): (&str, &str), count: u32) -> Vec<Request> {
    let login = |n| {
        let password = if n == count { right.to_owned() } else { format!("guess-{n}") };
        Request::post_json("/v1/login", &json!({ "email": mail, "password": password }))
            .header("x-forwarded-for", format!("192.0.2.{n}"))
    };
    (1..=count).map(login).collect()
}

/// What an honest app does. A `{name}` stands for the text of that name in an earlier answer.
fn apps(alice: &str) -> Vec<Row> {
    let (mail, password) = ALICE_LOGIN;
    let get = |path: &str| Request::get(path).bearer(alice);
    let tea = json!({ "items": [{ "sku": "tea-001", "quantity": 2 }] });
    vec![
        honest(
            "honest: log in, read the own profile",
            [
                Request::post_json("/v1/login", &json!({ "email": mail, "password": password })),
                Request::get(PROFILE).bearer("{access_token}"),
            ],
            &[(2, 200)],
        ),
        honest(
            "honest: order tea, read the order, list all",
            [
                get("/v1/orders?fields=id,customer_id,items,status"),
                Request::post_json("/v1/orders?fields=id,customer_id,total_cents", &tea).bearer(alice),
                get("/v1/orders/{id}?fields=id,customer_id,items,status,total_cents"),
            ],
            &[(2, 200), (1, 201)],
        ),
        honest(
            "honest: follow events, download a file",
            [get("/v1/events?n=5&interval_ms=20"), get("/v1/downloads/catalogue.pdf?bytes=300000")],
            &[(2, 200)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_31_rows_that_fit_a_terminal() {
        let rows = all(&Keys::generate().unwrap()).unwrap();
        assert_eq!(rows.len(), 31);
        for row in rows {
            assert!(row.tried.len() <= 48, "{}", row.tried);
        }
    }
}

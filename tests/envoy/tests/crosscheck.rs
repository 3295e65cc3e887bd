//! Two accounts of the shop ask for each other's objects, route by route: the verb `crosscheck` as a team runs it before a
//! release, against a gate with the filter and one without.
#![cfg(test)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use portcullis_envoy::{Gate, Result, bundle, root};
use portcullis_shop::data::{ALICE, ALICE_ORDER, BOB, BOB_ORDER};
use portcullis_shop::mint::{Alg, Mint};
use portcullis_shop::{Config, Shop};

/// Alice and bob with good tokens, and what is theirs.
fn accounts(folder: &Path, shop: &Shop) -> Result<OsString> {
    let keys = shop.keys();
    for (name, sub) in [("alice", ALICE), ("bob", BOB)] {
        fs::write(folder.join(name), Mint::new(&keys).claim("sub", sub).sign(Alg::Es256))?;
    }
    let text = format!(
        r#"
accounts:
  alice: {{ tokens: {{ user: {{ file: alice }} }}, values: {{ path.order_id: "{ALICE_ORDER}" }} }}
  bob: {{ tokens: {{ user: {{ file: bob }} }}, values: {{ path.order_id: "{BOB_ORDER}" }} }}
routes:
  users.get: {{ values: {{ query.fields: "id,name" }} }}
  users.update: {{ values: {{ query.fields: "id,name" }}, body: {{ name: Tester }} }}
  orders.get: {{ values: {{ query.fields: "id,customer_id" }} }}
  orders.list: {{ values: {{ query.fields: "id,customer_id" }} }}
"#
    );
    let file = folder.join("accounts.yaml");
    fs::write(&file, text)?;
    Ok(file.into())
}

/// The exit code, and everything that was printed.
fn crosscheck(policy: &Path, gate: &Gate, accounts: &OsString) -> (u8, String) {
    let address = gate.https_address();
    let url = format!("https://api.shop.example:{}", address.port());
    let words = ["portcullis", "crosscheck", &url, &address.to_string()].map(OsString::from);
    let [program, verb, url, connect] = words;
    let (ca, flag) = (gate.authority(), OsString::from);
    let arguments = [
        program,
        verb,
        policy.into(),
        flag("--gate"),
        url,
        flag("--connect"),
        connect,
        flag("--ca"),
        ca.into(),
        flag("--accounts"),
        accounts.clone(),
    ];
    let mut printed = Vec::new();
    let mut told = Vec::new();
    let code = portcullis::cli::run_into(arguments, &mut printed, &mut told);
    printed.extend(told);
    (code, String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn every_owner_rule_of_the_shop_holds_with_the_filter_and_none_without() -> Result {
    let policy = root().join("envoy/policy.yaml");
    let shop = Shop::start(Config::default())?;
    let folder = tempfile::tempdir()?;
    let accounts = accounts(folder.path(), &shop)?;
    let guarded = Gate::before(shop.api)
        .idp(shop.idp, shop.ca.pem())
        .policy(bundle(&policy)?)
        .env("PORTCULLIS_AUDIT_KEY", "only-for-trying-out-replace-this-key")
        .start()?;
    let bare = Gate::before(shop.api).start()?;

    let (code, table) = crosscheck(&policy, &guarded, &accounts);
    println!("{table}");
    assert_eq!(code, 0, "{table}");
    assert!(!table.contains("FAILS") && !table.contains("NOT SHOWN"), "{table}");

    shop.reset();
    let (code, table) = crosscheck(&policy, &bare, &accounts);
    println!("{table}");
    assert_eq!(code, 3, "{table}");
    assert!(!table.contains("| holds"), "{table}");
    Ok(())
}

//! The stage left standing, for hands and `curl`.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use portcullis_envoy::Result;
use portcullis_shop::Shop;
use portcullis_shop::mint::{Alg, Mint};

use crate::stage::{HOST, Stage};

/// Half of what a token lives: the one in the file is always good.
const RENEWED: Duration = Duration::from_secs(portcullis_shop::mint::LIFETIME / 2);

/// Starts everything, says where it is, and stays.
pub(crate) fn stay() -> Result<()> {
    let stage = Stage::start()?;
    let header = stage.with.folder().join("alice");
    let token = renew(&stage.shop, &header)?;
    println!("{}", told(&stage, &header, &token));
    loop {
        thread::sleep(RENEWED);
        renew(&stage.shop, &header)?;
    }
}

/// Writes a new token of alice as the header line that `curl` reads from a file.
fn renew(shop: &Shop, header: &Path) -> Result<String> {
    let token = Mint::new(&shop.keys()).sign(Alg::Es256);
    let fresh = header.with_extension("fresh");
    fs::write(&fresh, format!("authorization: Bearer {token}\n"))?;
    fs::rename(fresh, header)?;
    Ok(token)
}

fn told(stage: &Stage, header: &Path, token: &str) -> String {
    let address = stage.with.https_address();
    let (port, ip) = (address.port(), address.ip());
    let curl = format!(
        "curl -i --cacert '{}' --resolve {HOST}:{port}:{ip} -H @'{}'",
        stage.with.authority().display(),
        header.display()
    );
    let url = format!("https://{HOST}:{port}/v1/users");
    format!(
        r#"
with Portcullis     https://{HOST}:{port} at {address}, cleartext http://{cleartext}
                    configuration, logs and authority (edge-ca.crt) in {files}
without Portcullis  https://{HOST}:{bare_port} at {bare}, cleartext http://{bare_cleartext}
                    configuration, logs and authority (edge-ca.crt) in {bare_files}
the shop            http://{shop}, its identity provider https://{idp}, its levers http://{control}

A token of alice (account 42), good for ten minutes. The lines below read it from a file, where it is always good.
{token}

Her own profile, 200:
{curl} '{url}/42?fields=id,name,email'
Bob's profile, 403:
{curl} '{url}/77?fields=id,name,email'
Making herself support, 422:
{curl} -X PATCH -H 'content-type: application/json' -d '{{"roles":["support"]}}' '{url}/42'

Ctrl-C stops everything."#,
        cleartext = stage.with.cleartext_address(),
        files = stage.with.folder().display(),
        bare = stage.without.https_address(),
        bare_port = stage.without.https_address().port(),
        bare_cleartext = stage.without.cleartext_address(),
        bare_files = stage.without.folder().display(),
        shop = stage.shop.api,
        idp = stage.shop.idp,
        control = stage.shop.control,
    )
}

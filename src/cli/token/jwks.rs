//! `portcullis token jwks`: the public halves of private keys, as the key set that a policy fetches or holds.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::exit::Exit;
use crate::cli::token::private_key::PrivateKey;
use crate::cli::token::unwritten;

/// Print the public halves of keys as a JSON Web Key Set: for `keys.inline`, or to be served.
///
/// A secret for HS algorithms has no public half and is refused.
#[derive(Args)]
pub(crate) struct Jwks {
    /// Files that `portcullis token key` made.
    #[arg(required = true)]
    keys: Vec<PathBuf>,
}

impl Jwks {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Exit, String> {
        let mut keys = Vec::new();
        for path in &self.keys {
            let secret = || {
                format!(
                    "{}: a secret has no public half; whoever verifies needs the file itself",
                    path.display()
                )
            };
            keys.push(PrivateKey::read(path)?.public_jwk()?.ok_or_else(secret)?);
        }
        writeln!(out, "{:#}", json!({ "keys": keys })).map_err(unwritten)?;
        Ok(Exit::Fine)
    }
}

//! `portcullis token key`: a private key in a file of its own.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::token::private_key::PrivateKey;
use crate::cli::token::private_key::name;
use crate::cli::token::unwritten;
use crate::control::tokens::Algorithm;

/// Make a private key for development, as a JSON Web Key in a file that only you can read.
///
/// Its public half is what `portcullis token jwks` prints. A file that is there stays, unless --replace is given.
#[derive(Args)]
pub(crate) struct KeyVerb {
    /// The file to make.
    file: PathBuf,
    /// What it signs with: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, HS256, HS384 or HS512.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Algorithm,
    /// The key's id.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// Write over a file that is there.
    #[arg(long)]
    replace: bool,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::named(text).ok_or_else(|| "no algorithm of a policy is called so".to_owned())
}

impl KeyVerb {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Exit, String> {
        let key = PrivateKey::generate(self.alg, self.kid.clone())?;
        let file = self.file.display();
        write_private(&self.file, self.replace, &format!("{:#}\n", key.private_jwk()?))?;
        let kid = self.kid.as_ref().map(|kid| format!(" called `{kid}`")).unwrap_or_default();
        writeln!(out, "{file}: a private key for {}{kid}; keep it to yourself", name(self.alg))
            .map_err(unwritten)?;
        Ok(Exit::Fine)
    }
}

/// A new file from its first byte on for its owner alone. To replace is to remove and make anew, so that an old file's
/// mode, or whoever has it open, gets nothing of the new key.
fn write_private(path: &Path, replace: bool, text: &str) -> Result<(), String> {
    let why = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => {
            format!("{}: is there already; --replace writes a new key over it", path.display())
        }
        _ => format!("{}: cannot be written: {error}", path.display()),
    };
    if replace {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(why(error)),
            _ => {}
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(why)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(why)
}

//! `portcullis token`: keys, key sets and tokens for development, and what a policy makes of a token. One file a verb.

mod inspect;
mod jwks;
mod key;
mod mint;
mod policy;
mod private_key;

use std::io;
use std::io::Write;

use clap::Args;
use clap::Subcommand;

use crate::cli::exit::Exit;
use crate::cli::token::inspect::Inspect;
use crate::cli::token::jwks::Jwks;
use crate::cli::token::key::KeyVerb;
use crate::cli::token::mint::Mint;

/// Make keys and tokens for development, and see what a policy makes of a token.
#[derive(Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Key(KeyVerb),
    Jwks(Jwks),
    Mint(Mint),
    Inspect(Inspect),
}

impl Token {
    pub(crate) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let done = match &self.verb {
            Verb::Key(key) => key.run(out),
            Verb::Jwks(jwks) => jwks.run(out),
            Verb::Mint(mint) => mint.run(out),
            Verb::Inspect(inspect) => inspect.run(out),
        };
        match done {
            Ok(exit) => Ok(exit),
            Err(why) => {
                writeln!(err, "{}", why.trim_end())?;
                Ok(Exit::Broken)
            }
        }
    }
}

/// The same sentence for every stream that is closed.
fn unwritten(error: io::Error) -> String {
    format!("standard output: {error}")
}

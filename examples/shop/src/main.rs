//! The shop as a process: prints one line of JSON with its addresses when it is ready, stops on SIGTERM and SIGINT.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use portcullis_shop::Certificates;
use portcullis_shop::Config;
use portcullis_shop::Error;
use portcullis_shop::Shop;
use serde_json::json;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// A mobile API with its own identity provider, insecure on purpose. Port 0 takes a free one.
#[derive(Parser)]
#[command(version)]
struct Flags {
    /// Where the API listens, cleartext HTTP/1.1 and HTTP/2
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    api: SocketAddr,
    /// Where the identity provider listens, TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    idp: SocketAddr,
    /// Where the control port listens; keep it away from clients
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Directory for ca.pem, ca.key, server.pem and server.key; an authority that is there already is used again
    #[arg(long, value_name = "DIR")]
    ca_dir: Option<PathBuf>,
    /// One more DNS name or address for the server certificate; may be given several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The `iss` of the tokens
    #[arg(long, default_value = portcullis_shop::mint::ISSUER)]
    issuer: String,
}

fn main() -> ExitCode {
    match serve(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: Flags) -> Result<(), Error> {
    let Flags { api, idp, control, ca_dir, names, issuer } = flags;
    let mut config = Config { api, idp, control, issuer, ..Config::default() };
    config.names.extend(names);
    config.certificates = ca_dir.map_or(Certificates::Fresh, Certificates::In);

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        // Before the line is printed: whoever reads it may send the signal at once.
        let mut term = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        let mut int = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let issuer = config.issuer.clone();
        let shop = Shop::start(config)?;
        println!(
            "{}",
            json!({ "api": shop.api, "idp": shop.idp, "control": shop.control, "issuer": issuer })
        );
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        shop.stop();
        Ok(())
    })
}

//! A small mobile API with its own identity provider: what the gate stands in front of in the demo and in the tests.
//!
//! **The API is insecure on purpose** (the list of its holes is in the documentation of the module `api`), so that a demo can show
//! the same attack with and without the gate. The identity provider is sound. Neither belongs on a network.
//!
//! Three ports: the API (cleartext HTTP/1.1 and HTTP/2), the identity provider (TLS) and the control port (cleartext).
//!
//! ```
//! use portcullis_shop::{Config, Shop};
//!
//! let shop = Shop::start(Config::default())?;
//! println!("curl http://{}/v1/users/42", shop.api);
//! assert_eq!(shop.seen().len(), 0);
//! shop.stop();
//! # Ok::<(), portcullis_shop::Error>(())
//! ```

mod api;
pub mod certs;
mod clock;
mod config;
mod control;
pub mod data;
mod error;
pub mod idp;
pub mod keys;
pub mod mint;
mod record;
mod reply;
mod serve;
mod sync;

pub use config::Certificates;
pub use config::Config;
pub use error::Error;
pub use record::Seen;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use api::Api;
use certs::Ca;
use certs::Leaf;
use data::Store;
use data::User;
use idp::Idp;
use keys::Keys;
use record::Record;
use sync::lock;

/// A running shop, on threads of its own: it serves plain and asynchronous tests alike. Dropping it stops it.
pub struct Shop {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where the identity provider listens.
    pub idp: SocketAddr,
    /// Where the control port listens.
    pub control: SocketAddr,
    /// The authority that signed [`Shop::server`]; it signs more certificates where a test needs them.
    pub ca: Arc<Ca>,
    /// The identity provider's certificate, which serves for a gateway's listeners too.
    pub server: Leaf,
    provider: Idp,
    record: Record,
    store: Arc<Mutex<Store>>,
    stop: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

impl Shop {
    /// Starts a shop. When this returns, all three ports take connections.
    pub fn start(config: Config) -> Result<Self, Error> {
        let Config { issuer, audience, lifetime, certificates, names, remembered, workers, .. } = config;
        let (ca, server) = match certificates {
            Certificates::Fresh => issue(Ca::new()?.into(), &names)?,
            Certificates::Of(ca) => issue(ca, &names)?,
            Certificates::In(dir) => {
                let (ca, server) = issue(Ca::open(&dir)?.into(), &names)?;
                server.write(&dir, "server")?;
                (ca, server)
            }
        };
        let tls = TlsAcceptor::from(Arc::new(server.server()?));
        let store = Arc::new(Mutex::new(Store::seed()));
        let provider = Idp::new(&issuer, &audience, lifetime.as_secs(), Arc::clone(&store))?;
        let record = Record::new(remembered);

        let (api_listener, api) = serve::bind(config.api)?;
        let (idp_listener, idp) = serve::bind(config.idp)?;
        let (control_listener, control) = serve::bind(config.control)?;
        let api_router =
            api::router(Api { store: Arc::clone(&store), idp: provider.clone() }, record.clone());
        let ports = [
            (api_listener, None, api_router),
            (idp_listener, Some(tls), idp::router(provider.clone())),
            (control_listener, None, control::router(provider.clone(), record.clone())),
        ];
        let stop = Some(run(workers, ports)?);
        Ok(Self { api, idp, control, ca, server, provider, record, store, stop })
    }

    /// Stops the shop: when this returns, its ports are closed and its connections cut.
    pub fn stop(self) {
        drop(self);
    }

    /// The latest requests that reached the API, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.record.seen()
    }

    /// Requests since the start; [`Shop::clear_seen`] does not reset it.
    pub fn seen_total(&self) -> u64 {
        self.record.total()
    }

    /// Forgets the requests so far.
    pub fn clear_seen(&self) {
        self.record.clear();
    }

    /// The identity provider: logins without HTTP, rotation, revocation, and its troubles.
    pub fn provider(&self) -> &Idp {
        &self.provider
    }

    /// The keys that sign now, for [`mint::Mint`].
    pub fn keys(&self) -> Arc<Keys> {
        self.provider.keys()
    }

    /// An account as it is now.
    pub fn user(&self, id: &str) -> Option<User> {
        lock(&self.store).users.get(id).cloned()
    }

    /// Forgets what customers did: users, orders and catalogue are as after the start.
    pub fn reset(&self) {
        *lock(&self.store) = Store::seed();
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            // Either fails only where the thread ended by itself, which is what is wanted.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

fn issue(ca: Arc<Ca>, names: &[String]) -> Result<(Arc<Ca>, Leaf), Error> {
    let server = ca.leaf(names)?;
    Ok((ca, server))
}

type Port = (std::net::TcpListener, Option<TlsAcceptor>, axum::Router);

/// Serves the ports on a thread that owns the runtime, until it is told to stop.
fn run(workers: usize, ports: [Port; 3]) -> Result<(oneshot::Sender<()>, thread::JoinHandle<()>), Error> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(workers.max(1))
        .thread_name("shop")
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    {
        let _inside = runtime.enter();
        for (listener, tls, router) in ports {
            let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
            runtime.spawn(serve::serve(listener, tls, router));
        }
    }
    let (stop, stopped) = oneshot::channel();
    let owner = move || {
        // An error means that the other end is gone: stop too. Dropping the runtime closes every socket.
        let _ = runtime.block_on(stopped);
    };
    let thread = thread::Builder::new().name("shop-runtime".into()).spawn(owner).map_err(Error::Runtime)?;
    Ok((stop, thread))
}

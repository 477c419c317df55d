//! One network for several descriptions.

#[cfg(feature = "http")]
use std::sync::OnceLock;
use std::{fmt, sync::Arc};

use crate::network::options::Network;
#[cfg(feature = "http")]
use crate::network::pool::Pool;

/// A network whose connections and certificates several descriptions share: those that are given a clone. Each of them
/// calls only what it may call, also on a connection that another one opened.
///
/// ```no_run
/// let network = arazzo::Network::default().shared();
/// let orders = arazzo::open("orders.yaml").network(network.clone()).load_blocking()?;
/// let stock = arazzo::open("stock.yaml").network(network).load_blocking()?;
/// # drop((orders, stock));
/// # Ok::<(), arazzo::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedNetwork(Arc<Inner>);

struct Inner {
    options: Network,
    /// Made when the first description is loaded: it reads files.
    #[cfg(feature = "http")]
    pool: OnceLock<Result<Arc<Pool>, String>>,
}

impl Network {
    /// This network for several descriptions, which then share connections and certificates. Without it, each
    /// description has its own.
    #[must_use]
    pub fn shared(self) -> SharedNetwork {
        self.into()
    }
}

impl SharedNetwork {
    /// The ways to reach servers.
    #[must_use]
    pub fn options(&self) -> &Network {
        &self.0.options
    }

    /// Connections to brokers over this network, to these hosts alone: `localhost`, `broker.example:1883`.
    ///
    /// ```no_run
    /// let channels = arazzo::Network::default().shared().channels(["localhost:1883"])?;
    /// let link = channels.open();
    /// # drop(link);
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// The part of the network that cannot be used.
    #[cfg(feature = "channel")]
    pub fn channels<H: AsRef<str>>(
        &self,
        hosts: impl IntoIterator<Item = H>,
    ) -> Result<Arc<dyn crate::channel::Channels>, String> {
        let mut allowed = crate::policy::hosts::Hosts::default();
        for host in hosts {
            let host = host.as_ref();
            let read = arazzo_engine::limits::AllowedHost::parse(host);
            allowed.give(read.map_err(|reason| format!("`{host}` is not a host: {reason}"))?);
        }
        crate::network::channel_client(self, allowed, true)
    }

    /// # Errors
    /// The part of the network that cannot be used.
    #[cfg(feature = "http")]
    pub(crate) fn pool(&self) -> Result<Arc<Pool>, String> {
        self.0.pool.get_or_init(|| Pool::new(self.0.options.clone()).map(Arc::new)).clone()
    }
}

impl From<Network> for SharedNetwork {
    fn from(options: Network) -> Self {
        Self(Arc::new(Inner {
            options,
            #[cfg(feature = "http")]
            pool: OnceLock::new(),
        }))
    }
}

impl fmt::Debug for SharedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedNetwork").field(self.options()).finish()
    }
}

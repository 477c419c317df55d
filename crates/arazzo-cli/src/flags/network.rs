//! The way to servers: proxies, addresses, certificates, times.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::duration;

/// The way to servers: proxies, addresses, certificates, times.
#[derive(Debug, Args)]
#[command(next_help_heading = "Servers and network")]
pub(crate) struct NetworkFlags {
    /// Go through this proxy: http://[USER:PASSWORD@]HOST:PORT, also https or socks5. Without it, as HTTPS_PROXY,
    /// HTTP_PROXY, ALL_PROXY and NO_PROXY say
    #[arg(short = 'x', long, value_name = "URL", env = "ARAZZO_PROXY", hide_env_values = true)]
    pub(crate) proxy: Option<String>,
    /// Hosts that are called without a proxy: names with their subdomains, addresses, networks; * is all
    #[arg(long, value_name = "HOST,…", env = "ARAZZO_NO_PROXY", hide_env_values = true)]
    pub(crate) no_proxy: Option<String>,
    /// The address of a host at a port, instead of what the system knows
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    pub(crate) resolve: Vec<arazzo::Resolve>,
    /// Connect to HOST2:PORT2 where the url says HOST1:PORT1; certificates are still those of HOST1
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2")]
    pub(crate) connect_to: Vec<arazzo::ConnectTo>,
    /// Connect to this socket, whatever the url says
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "resolve", "connect_to"])]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Trust the authorities in this PEM file instead of those of the system
    #[arg(long, value_name = "FILE", env = "ARAZZO_CACERT", hide_env_values = true)]
    pub(crate) cacert: Option<PathBuf>,
    /// The certificate (PEM) to show to servers that ask for one
    #[arg(long, value_name = "FILE", env = "ARAZZO_CERT", hide_env_values = true)]
    pub(crate) cert: Option<PathBuf>,
    /// Its key (PEM), if the file of --cert does not hold it
    #[arg(long, value_name = "FILE", env = "ARAZZO_KEY", hide_env_values = true, requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Do not check the certificates of this host; every run says so
    #[arg(long = "insecure-host", value_name = "HOST", value_parser = arazzo::values::insecure_host)]
    pub(crate) insecure_hosts: Vec<String>,
    /// Open a connection for every request, instead of using one again that the server may have closed meanwhile
    #[arg(long)]
    pub(crate) fresh_connections: bool,
    /// Give up on a connection after this time
    #[arg(long, value_name = "DURATION", default_value = "10s", env = "ARAZZO_CONNECT_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) connect_timeout: Duration,
    /// Give up on a request when its server says nothing for this time; without it, only --max-time counts
    #[arg(long, value_name = "DURATION", env = "ARAZZO_IDLE_TIMEOUT", hide_env_values = true, value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Give up on a request after this time, to the last byte of its answer
    #[arg(short = 'm', long, value_name = "DURATION", default_value = "60s", env = "ARAZZO_MAX_TIME", hide_env_values = true, value_parser = duration)]
    pub(crate) max_time: Duration,
}

impl NetworkFlags {
    /// As the library takes it.
    pub(crate) fn network(&self) -> arazzo::Network {
        let mut network = arazzo::Network::default();
        network.proxy = match &self.proxy {
            Some(url) => arazzo::Proxy::Through(url.clone()),
            None => arazzo::Proxy::Environment,
        };
        network.no_proxy.clone_from(&self.no_proxy);
        network.resolve.clone_from(&self.resolve);
        network.connect_to.clone_from(&self.connect_to);
        network.unix_socket.clone_from(&self.unix_socket);
        network.authorities.clone_from(&self.cacert);
        network.certificate.clone_from(&self.cert);
        network.key.clone_from(&self.key);
        network.insecure_hosts.clone_from(&self.insecure_hosts);
        network.connect_timeout = self.connect_timeout;
        network.idle_timeout = self.idle_timeout;
        network.fresh_connections = self.fresh_connections;
        network
    }
}

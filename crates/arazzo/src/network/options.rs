//! The way of requests to servers: proxies, addresses, certificates, times. What is sent, and to whom, is decided
//! elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use arazzo_engine::limits::plain_host;

/// The network as a run sees it. The default is the plain one: no proxy, the addresses that the system knows, the
/// authorities that it trusts.
///
/// ```
/// let mut network = arazzo::Network::default();
/// network.proxy = arazzo::Proxy::Through("http://proxy.example:3128".to_owned());
/// network.resolve.push("api.example:443:127.0.0.1".parse()?);
/// let builder = arazzo::open("flow.yaml").network(network);
/// # drop(builder);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Network {
    /// The proxy that requests go through, if any.
    pub proxy: Proxy,
    /// Hosts that are called without it, as `NO_PROXY` has them: `.internal,10.0.0.0/8,localhost`; `*` is all.
    pub no_proxy: Option<String>,
    /// Addresses of hosts, instead of those that the system knows.
    pub resolve: Vec<Resolve>,
    /// Hosts and ports to connect to instead of those of the url; certificates are still those of the url.
    pub connect_to: Vec<ConnectTo>,
    /// A socket of this machine that every connection goes to, whatever the url says.
    pub unix_socket: Option<PathBuf>,
    /// A PEM file with the authorities to trust, instead of those of the system.
    pub authorities: Option<PathBuf>,
    /// A PEM file with the certificate to show to servers that ask for one.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its key, if the certificate's file does not hold it.
    pub key: Option<PathBuf>,
    /// Hosts whose certificates are not checked. Every run says so.
    pub insecure_hosts: Vec<String>,
    /// The time that it may take to open a connection: address, TCP, proxy and TLS together.
    pub connect_timeout: Duration,
    /// The time that a server may say nothing, before its answer or within; without one, the time of the whole request
    /// counts alone ([`crate::Limits::request_ms`]).
    pub idle_timeout: Option<Duration>,
    /// Every request gets a connection of its own, instead of one that is open from an earlier request: then none can have
    /// been closed by the server meanwhile.
    pub fresh_connections: bool,
    /// Requests that one host gets at once, and connections to it, from all runs of a description (or of all that share
    /// the network) on one tokio runtime; the others wait for their turn.
    pub per_host: NonZeroUsize,
    /// The address on this machine that webhooks are listened for at, by runs that receive them. Each run has a listener of
    /// its own.
    pub listen: Option<SocketAddr>,
}

/// Requests at once, where nothing else is said.
const PER_HOST: NonZeroUsize = NonZeroUsize::new(8).unwrap();

impl Default for Network {
    fn default() -> Self {
        Self {
            proxy: Proxy::None,
            no_proxy: None,
            resolve: vec![],
            connect_to: vec![],
            unix_socket: None,
            authorities: None,
            certificate: None,
            key: None,
            insecure_hosts: vec![],
            connect_timeout: Duration::from_secs(10),
            idle_timeout: None,
            fresh_connections: false,
            per_host: PER_HOST,
            listen: None,
        }
    }
}

/// The proxy that requests go through, if any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Proxy {
    /// They do not.
    #[default]
    None,
    /// As the environment says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`. This machine is called directly.
    Environment,
    /// All of them: `http://[user:password@]host:port`, also `https` and `socks5`.
    Through(String),
}

/// The addresses of a host at a port: `HOST:PORT:ADDRESS[,ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The host, as it stands in the url.
    pub host: String,
    /// The port of the url.
    pub port: u16,
    /// Its addresses, in the order in which to try them.
    pub addresses: Vec<IpAddr>,
}

impl FromStr for Resolve {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write HOST:PORT:ADDRESS, such as api.example.com:443:127.0.0.1".to_owned();
        let (host, rest) = host_and_rest(text).ok_or_else(wrong)?;
        let (port, addresses) = rest.split_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let address = |text: &str| text.trim().trim_start_matches('[').trim_end_matches(']').parse();
        let addresses = addresses.split(',').map(address).collect::<Result<_, _>>().map_err(|_| wrong())?;
        if host.is_empty() { Err(wrong()) } else { Ok(Self { host: plain_host(host), port, addresses }) }
    }
}

/// Connections that go somewhere else: `HOST1:PORT1:HOST2:PORT2`. What is left out in front means any, what is left out
/// behind stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host of the url.
    pub host: Option<String>,
    /// The port of the url.
    pub port: Option<u16>,
    /// The host to connect to.
    pub to_host: Option<String>,
    /// The port to connect to.
    pub to_port: Option<u16>,
}

impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write HOST1:PORT1:HOST2:PORT2, such as api.example.com:443:localhost:8443".to_owned();
        let (host, rest) = host_and_rest(text).ok_or_else(wrong)?;
        let (port, rest) = rest.split_once(':').ok_or_else(wrong)?;
        let (to_host, to_port) = host_and_rest(rest).ok_or_else(wrong)?;
        let number = |text: &str| if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) };
        let name = |text: &str| (!text.is_empty()).then(|| plain_host(text));
        Ok(Self { host: name(host), port: number(port)?, to_host: name(to_host), to_port: number(to_port)? })
    }
}

/// A host whose certificates are not to be checked: a host alone, since they are those of a host at every port.
///
/// # Errors
/// What to write instead, in words.
pub fn insecure_host(text: &str) -> Result<String, String> {
    let host = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_address = host.parse::<IpAddr>().is_ok();
    if host.is_empty() || !is_address && host.contains([':', '*', '/', '@', '[', ']']) {
        return Err(format!(
            "`{text}` is no host alone: write one host, without port or url, such as localhost; there is no `*`"
        ));
    }
    Ok(text.to_owned())
}

/// `[::1]:80` → `::1`, `80`; `host:80` → `host`, `80`
fn host_and_rest(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(inner) => inner.split_once("]:"),
        None => text.split_once(':'),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_not_checked_is_a_host_alone() {
        for host in ["localhost", "api.example.", "127.0.0.1", "::1", "[::1]"] {
            assert_eq!(insecure_host(host).as_deref(), Ok(host));
        }
        for host in ["", "localhost:8443", "*", "*.example", "https://localhost", "[::1]:8443", "me@localhost"] {
            assert!(insecure_host(host).is_err(), "{host}");
        }
    }

    #[test]
    fn hosts_ports_and_addresses_are_read_as_curl_has_them() {
        let found: Resolve = "API.example.:443:127.0.0.1,[::1]".parse().unwrap();
        let addresses = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(found, Resolve { host: "api.example".to_owned(), port: 443, addresses });
        assert!(
            ["api.example", "api.example:443", "api.example:x:127.0.0.1", ":443:127.0.0.1", "a:1:b"]
                .iter()
                .all(|text| text.parse::<Resolve>().is_err())
        );
        let found: ConnectTo = "api.example:443:[::1]:8443".parse().unwrap();
        assert_eq!((found.to_host.as_deref(), found.to_port), (Some("::1"), Some(8443)));
        let found: ConnectTo = "::localhost:".parse().unwrap();
        let any = ConnectTo { host: None, port: None, to_host: Some("localhost".to_owned()), to_port: None };
        assert_eq!(found, any);
        assert!("api.example:443:localhost".parse::<ConnectTo>().is_err());
    }
}

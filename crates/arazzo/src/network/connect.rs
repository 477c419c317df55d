//! Opens connections: which address, through which proxy, under which TLS. Sends no request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use arazzo_engine::limits::plain_host;
use arazzo_engine::machine::FailureKind;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tower_service::Service;

use crate::network::options::{ConnectTo, Network, Proxy, Resolve};
use crate::network::tls::{self, Tls};
use crate::policy::hosts::{Hosts, is_this_machine};
use crate::transport::Pending;

/// The reason why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ConnectError {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl ConnectError {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Opens connections as a [`Network`] says. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    network: Network,
    /// The proxy, if any.
    proxies: Option<Matcher>,
    /// The hosts that are called without a proxy; intercepts everything else.
    direct: Option<Matcher>,
    tls: Tls,
    /// Built on the first https url: reading the system's certificates costs more than a short run.
    configs: OnceCell<Result<tls::Configs, String>>,
    lookup: Lookup,
}

/// The addresses of a name; the system's resolver, or a test's.
pub(crate) type Lookup = Box<dyn Fn(String) -> Pending<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

fn system(name: String) -> Pending<'static, io::Result<Vec<IpAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
}

impl Connector {
    /// # Errors
    /// The part of the network that cannot be used: a file, a proxy.
    pub(crate) fn new(network: Network) -> Result<Self, String> {
        Self::looking_up(network, Box::new(system))
    }

    pub(crate) fn looking_up(network: Network, lookup: Lookup) -> Result<Self, String> {
        let proxies = match &network.proxy {
            Proxy::None => None,
            Proxy::Environment => Some(Matcher::from_env()),
            Proxy::Through(url) => {
                let known = ["http", "https", "socks5", "socks5h"];
                let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
                let matcher = Matcher::builder().all(url.as_str()).build();
                if !known.contains(&scheme) || matcher.intercept(&Uri::from_static("http://host.invalid")).is_none() {
                    // A password that is not where it should be cannot be told from a host.
                    let help = "write http://HOST:PORT, also with https or socks5";
                    return Err(format!("the url of the proxy is not one: {help}"));
                }
                Some(matcher)
            }
        };
        if cfg!(not(unix)) && network.unix_socket.is_some() {
            return Err("this system has no Unix sockets".to_owned());
        }
        let direct = network.no_proxy.as_deref().map(|list| Matcher::builder().all("http://proxy").no(list).build());
        let tls = Tls::read(&network)?;
        Ok(Self(Arc::new(Inner { network, proxies, direct, tls, configs: OnceCell::new(), lookup })))
    }

    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }

    /// A connection for a url, to an address that `hosts` lets be called.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(crate) async fn open(&self, uri: &Uri, hosts: &Hosts) -> Result<Opened, ConnectError> {
        let limit = self.0.network.connect_timeout;
        let late =
            |_| ConnectError::new(FailureKind::Connect, format!("no connection within {} s", limit.as_secs_f64()));
        tokio::time::timeout(limit, self.0.open(uri, hosts)).await.map_err(late)?
    }

    /// A stream for a protocol that is not HTTP: through a proxy by a tunnel only, and without a choice of protocols in TLS.
    ///
    /// # Errors
    /// The reason why there is none.
    #[cfg(feature = "channel")]
    pub(crate) async fn stream(&self, target: &Target, hosts: &Hosts) -> Result<Box<dyn Stream>, ConnectError> {
        let limit = self.0.network.connect_timeout;
        let late =
            |_| ConnectError::new(FailureKind::Connect, format!("no connection within {} s", limit.as_secs_f64()));
        tokio::time::timeout(limit, self.0.stream(target, hosts)).await.map_err(late)?
    }

    /// TLS over an open stream, for protocols that begin without.
    ///
    /// # Errors
    /// The reason why the connection is not safe.
    #[cfg(feature = "channel-nats")]
    pub(crate) async fn secure(&self, host: &str, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, ConnectError> {
        let configs = self.0.configs().await?;
        Ok(Box::new(handshake(host, (configs.proxies.clone(), &*configs.asked), stream).await?))
    }

    /// The credentials for the proxy of a request that it passes on as it is: those without TLS.
    pub(crate) fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        if uri.scheme_str() != Some("http") {
            return None;
        }
        let proxy = self.0.proxy(&Target::of(uri).ok()?)?;
        is_http(proxy.uri()).then(|| proxy.basic_auth().cloned()).flatten()
    }
}

/// The host and port of a url.
pub(crate) struct Target {
    pub(crate) secure: bool,
    /// Without brackets and the dot at its end, in lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn of(uri: &Uri) -> Result<Self, ConnectError> {
        let secure = matches!(uri.scheme_str(), Some("https" | "wss"));
        let host = uri
            .host()
            .map(plain_host)
            .ok_or_else(|| ConnectError::new(FailureKind::Protocol, "the url has no host"))?;
        Ok(Self { secure, host, port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }) })
    }

    /// As a uri, in the form that rules about proxies are compared with.
    fn uri(&self) -> Option<Uri> {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}:{}", bracketed(&self.host), self.port).parse().ok()
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn is_http(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
}

impl Inner {
    async fn open(self: &Arc<Self>, uri: &Uri, hosts: &Hosts) -> Result<Opened, ConnectError> {
        let target = Target::of(uri)?;
        hosts.host(&target.host, target.port, target.secure).map_err(refused)?;
        let (mut passed_on, mut judged) = (false, None);
        let stream = match self.proxy(&target) {
            Some(proxy) if !target.secure && is_http(proxy.uri()) => {
                passed_on = true;
                self.to_proxy(proxy.uri()).await?
            }
            Some(proxy) => self.through(&proxy, uri, &target).await?,
            None => {
                let (stream, address) = self.direct(&target, hosts).await?;
                judged = address;
                stream
            }
        };
        if !target.secure {
            return Ok(Opened { stream: TokioIo::new(stream), passed_on, h2: false, judged });
        }
        let configs = self.configs().await?;
        let stream = handshake(&target.host, (configs.requests.clone(), &configs.asked), stream).await?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Opened { stream: TokioIo::new(Box::new(stream)), passed_on, h2, judged })
    }

    #[cfg(feature = "channel")]
    async fn stream(self: &Arc<Self>, target: &Target, hosts: &Hosts) -> Result<Box<dyn Stream>, ConnectError> {
        hosts.host(&target.host, target.port, target.secure).map_err(refused)?;
        let no_uri = || ConnectError::new(FailureKind::Protocol, format!("`{}` is no host", target.host));
        let stream = match self.proxy(target) {
            Some(proxy) => self.through(&proxy, &target.uri().ok_or_else(no_uri)?, target).await?,
            None => self.direct(target, hosts).await?.0,
        };
        if !target.secure {
            return Ok(stream);
        }
        let configs = self.configs().await?;
        Ok(Box::new(handshake(&target.host, (configs.proxies.clone(), &*configs.asked), stream).await?))
    }

    /// The proxy of a target.
    fn proxy(&self, target: &Target) -> Option<Intercept> {
        let proxies = self.proxies.as_ref().filter(|_| self.network.unix_socket.is_none())?;
        if self.network.proxy == Proxy::Environment && is_this_machine(&target.host) {
            return None;
        }
        let uri = target.uri()?;
        if self.direct.as_ref().is_some_and(|direct| direct.intercept(&uri).is_none()) {
            return None;
        }
        proxies.intercept(&uri)
    }

    /// A connection without a proxy, and the address that it goes to if that was judged.
    async fn direct(&self, target: &Target, hosts: &Hosts) -> Result<(Box<dyn Stream>, Option<IpAddr>), ConnectError> {
        if let Some(path) = &self.network.unix_socket {
            return Ok((unix(path).await?, None));
        }
        let fits = |rule: &&ConnectTo| {
            rule.host.as_ref().is_none_or(|host| *host == target.host)
                && rule.port.is_none_or(|port| port == target.port)
        };
        let rule = self.network.connect_to.iter().find(fits);
        let port = rule.and_then(|rule| rule.to_port).unwrap_or(target.port);
        if let Some(host) = rule.and_then(|rule| rule.to_host.as_deref()) {
            // Who gives a target means it.
            return Ok((Box::new(self.dial(&self.addresses(host, port).await?, port).await?), None));
        }
        let mut addresses = self.addresses(&target.host, port).await?;
        let is_judged = self.resolved(&target.host, port).is_none();
        if is_judged {
            let mut why = None;
            addresses.retain(|address| match hosts.address(&target.host, target.port, address.ip()) {
                Ok(()) => true,
                Err(reason) => {
                    why.get_or_insert(reason);
                    false
                }
            });
            if let (Some(reason), true) = (why, addresses.is_empty()) {
                return Err(refused(reason));
            }
        }
        let stream = self.dial(&addresses, port).await?;
        let address = stream.peer_addr().map_err(|error| ConnectError::new(FailureKind::Connect, io_words(&error)))?;
        Ok((Box::new(stream), is_judged.then_some(address.ip())))
    }

    /// A tunnel through a proxy.
    async fn through(
        self: &Arc<Self>,
        proxy: &Intercept,
        uri: &Uri,
        target: &Target,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let own = Arc::new(Mutex::new(None));
        let by = ToProxy { inner: self.clone(), trouble: own.clone() };
        let words = |error: String| {
            let reason = error.trim_start_matches("tunnel error: ").trim_start_matches("SOCKS error: ");
            let through = || ConnectError::new(FailureKind::Connect, format!("no way through the proxy: {reason}"));
            own.lock().ok().and_then(|mut own| own.take()).unwrap_or_else(through)
        };
        if is_http(proxy.uri()) {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), by);
            if let Some(value) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(value.clone());
            }
            // The tunnel takes 443 for a url without a port, which is right only with TLS.
            let to = target.uri().unwrap_or_else(|| uri.clone());
            return match tunnel.call(to).await {
                Ok(stream) => Ok(stream.into_inner()),
                Err(error) => Err(words(error.to_string())),
            };
        }
        let mut socks = SocksV5::new(proxy.uri().clone(), by);
        if let Some((user, password)) = proxy.raw_auth() {
            socks = socks.with_auth(user.to_owned(), password.to_owned());
        }
        let to = target.uri().unwrap_or_else(|| uri.clone());
        match socks.call(to).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(words(error.to_string())),
        }
    }

    async fn to_proxy(self: &Arc<Self>, proxy: &Uri) -> Result<Box<dyn Stream>, ConnectError> {
        let mut target = Target::of(proxy)?;
        if proxy.port().is_none() && !is_http(proxy) {
            target.port = 1080;
        }
        let named =
            |trouble: ConnectError| ConnectError { message: format!("the proxy: {}", trouble.message), ..trouble };
        let addresses = self.addresses(&target.host, target.port).await.map_err(named)?;
        let stream: Box<dyn Stream> = Box::new(self.dial(&addresses, target.port).await.map_err(named)?);
        if !target.secure {
            return Ok(stream);
        }
        let configs = self.configs().await?;
        let config = (configs.proxies.clone(), &*configs.asked);
        Ok(Box::new(handshake(&target.host, config, stream).await.map_err(named)?))
    }

    /// A TCP connection to one of these addresses.
    async fn dial(&self, addresses: &[SocketAddr], port: u16) -> Result<TcpStream, ConnectError> {
        // The name is not looked up again: the addresses stand in its place.
        let mut connector = HttpConnector::new_with_resolver(Found(addresses.to_vec()));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let uri = format!("http://found.invalid:{port}").parse::<Uri>();
        let uri = uri.map_err(|error| ConnectError::new(FailureKind::Protocol, error.to_string()))?;
        match connector.call(uri).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(unconnected(&error)),
        }
    }

    /// The addresses to connect to.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
        let given = self.resolved(host, port);
        let addresses = match (given, host.parse::<IpAddr>()) {
            (Some(rule), _) => rule.addresses.clone(),
            (None, Ok(address)) => vec![address],
            (None, Err(_)) => (self.lookup)(host.to_owned()).await.unwrap_or_default(),
        };
        if addresses.is_empty() {
            return Err(ConnectError::new(FailureKind::Dns, format!("the host `{host}` has no address")));
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// The addresses that were given for a host.
    fn resolved(&self, host: &str, port: u16) -> Option<&Resolve> {
        self.network.resolve.iter().find(|rule| rule.host == host && rule.port == port)
    }

    async fn configs(self: &Arc<Self>) -> Result<&tls::Configs, ConnectError> {
        let read = || async {
            let inner = self.clone();
            // The system's certificates are files.
            let read = tokio::task::spawn_blocking(move || inner.tls.configs(&inner.network)).await;
            read.unwrap_or_else(|error| Err(format!("TLS cannot be set up: {error}")))
        };
        let configs = self.configs.get_or_init(read).await;
        configs.as_ref().map_err(|message| ConnectError::new(FailureKind::Tls, message.clone()))
    }
}

fn refused(reason: String) -> ConnectError {
    ConnectError::new(FailureKind::Refused, reason)
}

fn unconnected(error: &(dyn std::error::Error + 'static)) -> ConnectError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return ConnectError::new(FailureKind::Connect, io_words(io));
        }
        cause = error.source();
    }
    ConnectError::new(FailureKind::Connect, format!("no connection: {error}"))
}

fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "the connection timed out".to_owned(),
        _ => format!("no connection: {error}"),
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Box<dyn Stream>, ConnectError> {
    match tokio::net::UnixStream::connect(path).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let message = format!("the socket `{}`: {}", path.display(), io_words(&error));
            Err(ConnectError::new(FailureKind::Connect, message))
        }
    }
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<Box<dyn Stream>, ConnectError> {
    Err(ConnectError::new(FailureKind::Connect, "this system has no Unix sockets"))
}

async fn handshake(
    host: &str,
    (config, asked): (Arc<rustls::ClientConfig>, &tls::Asked),
    stream: Box<dyn Stream>,
) -> Result<tokio_rustls::client::TlsStream<Box<dyn Stream>>, ConnectError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        ConnectError::new(FailureKind::Tls, format!("`{host}` is no host that a certificate could name"))
    })?;
    let before = asked.times();
    tokio_rustls::TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
        let reason = match tls::within(&error) {
            Some(error) => tls::words_of(error, asked.times() > before),
            None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
            None => error.to_string(),
        };
        ConnectError::new(FailureKind::Tls, format!("the connection is not safe: {reason}"))
    })
}

/// Addresses that were found, where a resolver is wanted.
#[derive(Clone)]
struct Found(Vec<SocketAddr>);

impl Service<Name> for Found {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}

/// Connections to a proxy, for what speaks to it.
#[derive(Clone)]
struct ToProxy {
    inner: Arc<Inner>,
    /// The failure of the connection itself, which the client of the proxy does not pass on.
    trouble: Arc<Mutex<Option<ConnectError>>>,
}

impl Service<Uri> for ToProxy {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = ConnectError;
    type Future = Pending<'static, Result<TokioIo<Box<dyn Stream>>, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { inner, trouble: kept } = self.clone();
        Box::pin(async move {
            let stream = inner.to_proxy(&uri).await.inspect_err(|trouble| {
                if let Ok(mut kept) = kept.lock() {
                    *kept = Some(trouble.clone());
                }
            })?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The stream that bytes go over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for S {}

/// An open connection.
pub(crate) struct Opened {
    pub(crate) stream: TokioIo<Box<dyn Stream>>,
    /// A proxy reads the requests and passes them on.
    pub(crate) passed_on: bool,
    pub(crate) h2: bool,
    /// The address that it goes to, if that was judged: neither a proxy nor who runs it said where to connect.
    pub(crate) judged: Option<IpAddr>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::policy::hosts::Trust;

    #[test]
    fn a_name_is_judged_anew_with_every_connection() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let lookup: Lookup = Box::new(move |name| {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let address = match name.as_str() {
                "rebind.internal" if first => "127.0.0.1",
                "rebind.internal" => "169.254.169.254",
                _ => "127.0.0.1",
            };
            Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
        });
        let mut hosts = Hosts::default();
        hosts.trust = Trust::Local;
        let connector = Connector::looking_up(Network::default(), lookup).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let refused = |host: &str| {
            let uri: Uri = format!("http://{host}:{port}/").parse().unwrap();
            runtime.block_on(connector.open(&uri, &hosts)).err().map(|trouble| trouble.kind)
        };
        assert_eq!(refused("rebind.internal"), None);
        assert_eq!(refused("rebind.internal"), Some(FailureKind::Refused));
        assert_eq!(refused("public.example"), Some(FailureKind::Refused));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        // One connection came, and no other.
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_ok() && listener.accept().is_err());
    }
}

//! Servers that speak TLS on a loopback port, and the certificates they show: good, expired, for another host, signed
//! by themselves. Each answers every request with its version, method and path.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// A certificate and its key.
pub(crate) type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, crate::cli::random(8));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn sign(&self, params: &CertificateParams) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// A certificate for these hosts.
    pub(crate) fn server(&self, hosts: &[&str]) -> Identity {
        identity(self.sign(&params(hosts)))
    }

    /// As [`Authority::server`], certificate and key in PEM form.
    pub(crate) fn server_pem(&self, hosts: &[&str]) -> (String, String) {
        let (certificate, key) = self.sign(&params(hosts));
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn expired(&self, hosts: &[&str]) -> Identity {
        let mut params = params(hosts);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        identity(self.sign(&params))
    }

    /// What `openssl req -x509` makes.
    pub(crate) fn self_signed(hosts: &[&str]) -> Identity {
        let mut params = params(hosts);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        identity((params.self_signed(&key).unwrap(), key))
    }

    /// A certificate and a key for a client, in PEM form.
    pub(crate) fn client(&self) -> (String, String) {
        let mut params = params(&["client.example"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (certificate, key) = self.sign(&params);
        (certificate.pem(), key.serialize_pem())
    }
}

fn params(hosts: &[&str]) -> CertificateParams {
    CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn identity((certificate, key): (rcgen::Certificate, KeyPair)) -> Identity {
    (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// A server with TLS.
pub(crate) struct Peer {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Peer {
    pub(crate) fn http1(identity: Identity) -> Self {
        Self::start(builder().with_no_client_auth(), identity, &[b"http/1.1"])
    }

    pub(crate) fn http2(identity: Identity) -> Self {
        Self::start(builder().with_no_client_auth(), identity, &[b"h2", b"http/1.1"])
    }

    /// Wants a certificate of this authority.
    pub(crate) fn mutual(identity: Identity, authority: &Authority) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        Self::start(builder().with_client_cert_verifier(verifier), identity, &[b"http/1.1"])
    }

    fn start(
        builder: rustls::ConfigBuilder<rustls::ServerConfig, rustls::server::WantsServerCert>,
        (certificate, key): Identity,
        versions: &[&[u8]],
    ) -> Self {
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = versions.iter().map(|version| version.to_vec()).collect();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, counted) = (acceptor.clone(), counted.clone());
                    tokio::spawn(async move {
                        // A client that does not like the certificate goes away.
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        let service = service_fn(|request: hyper::Request<Incoming>| {
                            counted.fetch_add(1, Ordering::SeqCst);
                            let text = format!("{:?} {} {}", request.version(), request.method(), request.uri().path());
                            let answer = hyper::Response::builder().header("content-type", "text/plain");
                            async { answer.body(Full::new(Bytes::from(text))) }
                        });
                        let io = TokioIo::new(stream);
                        if h2 {
                            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                            drop(server.serve_connection(io, service).await);
                        } else {
                            drop(hyper::server::conn::http1::Builder::new().serve_connection(io, service).await);
                        }
                    });
                }
            });
        });
        Self { port, requests }
    }

    /// `https://HOST:PORT`
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.port)
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn builder() -> rustls::ConfigBuilder<rustls::ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

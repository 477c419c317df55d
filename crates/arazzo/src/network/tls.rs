//! TLS: whom to trust, what to show, and why it failed, in words.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arazzo_engine::limits::plain_host;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::documents::files;
use crate::network::options::{Network, insecure_host};

/// The files of a network, read.
pub(crate) struct Tls {
    authorities: Option<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// Ready to connect with.
pub(crate) struct Configs {
    /// For servers: HTTP/2 if they speak it.
    pub(crate) requests: Arc<ClientConfig>,
    /// For proxies, and for brokers of protocols that are not HTTP.
    pub(crate) proxies: Arc<ClientConfig>,
    pub(crate) asked: Arc<Asked>,
}

impl Tls {
    /// # Errors
    /// The file that cannot be used, and why.
    pub(crate) fn read(network: &Network) -> Result<Self, String> {
        let mut authorities = None;
        if let Some(path) = &network.authorities {
            let mut store = RootCertStore::empty();
            for certificate in certificates(path)? {
                store.add(certificate).map_err(|error| format!("`{}` holds no authority: {error}", path.display()))?;
            }
            authorities = Some(store);
        }
        network.insecure_hosts.iter().try_for_each(|host| insecure_host(host).map(drop))?;
        let identity = match (&network.certificate, &network.key) {
            (None, None) => None,
            (None, Some(key)) => {
                return Err(format!("the key `{}` is given without its certificate", key.display()));
            }
            (Some(path), key) => Some((certificates(path)?, private_key(key.as_deref().unwrap_or(path))?)),
        };
        let tls = Self { authorities, identity };
        if tls.identity.is_some() {
            // A key that does not fit its certificate is found before the first request.
            tls.config(network, RootCertStore::empty())?;
        }
        Ok(tls)
    }

    /// # Errors
    /// The reason why TLS cannot be set up.
    pub(crate) fn configs(&self, network: &Network) -> Result<Configs, String> {
        let roots = self.authorities.clone().unwrap_or_else(of_the_system);
        let mut proxies = self.config(network, roots)?;
        let asked = Asked::of(&mut proxies);
        let mut requests = proxies.clone();
        requests.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Configs { requests: Arc::new(requests), proxies: Arc::new(proxies), asked })
    }

    fn config(&self, network: &Network, roots: RootCertStore) -> Result<ClientConfig, String> {
        let fault = |error: String| format!("TLS cannot be set up: {error}");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(error.to_string()))?;
        let builder = if network.insecure_hosts.is_empty() {
            builder.with_root_certificates(roots)
        } else {
            // Without a root there is nothing to check with, and the hosts that are not checked do not need any.
            let checks = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok();
            let unchecked = network.insecure_hosts.iter().map(|host| plain_host(host)).collect();
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Partly { unchecked, checks, provider }))
        };
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| format!("the certificate and its key cannot be used: {error}")),
        }
    }
}

/// Counts how often servers have asked for a certificate: what they say afterwards is often no more than that they give up.
#[derive(Debug)]
pub(crate) struct Asked {
    inner: Arc<dyn ResolvesClientCert>,
    times: AtomicU64,
}

impl Asked {
    fn of(config: &mut ClientConfig) -> Arc<Self> {
        let inner = config.client_auth_cert_resolver.clone();
        let asked = Arc::new(Self { inner, times: AtomicU64::new(0) });
        config.client_auth_cert_resolver = asked.clone();
        asked
    }

    /// The number of times so far. If it is the same before and after a handshake, the server has not asked; several at
    /// once may hide one another.
    pub(crate) fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        // Else it is not asked, and would not know.
        true
    }
}

fn of_the_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // A certificate of the system that cannot be read is one that nothing is trusted for.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(path)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("`{}` holds no certificate in PEM form", path.display())),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&bytes(path)?)
        .map_err(|_| format!("`{}` holds no key in PEM form that is not encrypted", path.display()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    files::named(path, files::LARGEST).map_err(|reason| format!("cannot read `{}`: {reason}", path.display()))
}

/// Checks certificates, but for those of some hosts.
#[derive(Debug)]
struct Partly {
    unchecked: Vec<String>,
    checks: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Partly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.unchecked.iter().any(|host| *host == plain_host(&name.to_str())) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.checks {
            Some(checks) => checks.verify_server_cert(certificate, between, name, ocsp, now),
            None => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The error of TLS in an I/O error, which is not its source, and may stand in another.
pub(crate) fn within(error: &io::Error) -> Option<&rustls::Error> {
    let mut inner = error.get_ref()?;
    while let Some(nested) = inner.downcast_ref::<io::Error>() {
        inner = nested.get_ref()?;
    }
    inner.downcast_ref()
}

/// The reason why TLS gave up; `asked` if the server asked for a certificate before.
pub(crate) fn words_of(error: &rustls::Error, asked: bool) -> String {
    use rustls::{AlertDescription as Alert, Error};
    match error {
        Error::AlertReceived(Alert::HandshakeFailure | Alert::AccessDenied) if asked => WANTS_CERTIFICATE.to_owned(),
        other => words(other),
    }
}

const WANTS_CERTIFICATE: &str = "the server wants a certificate that it trusts";

/// The reason why TLS gave up.
pub(crate) fn words(error: &rustls::Error) -> String {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => "the certificate comes from an authority that this machine does not trust".to_owned(),
            Bad::Expired | Bad::ExpiredContext { .. } => "the certificate has expired".to_owned(),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "the certificate is not valid yet".to_owned(),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "the certificate is for another host".to_owned()
            }
            Bad::Revoked => "the certificate was revoked".to_owned(),
            // The library below has no name for it, and it is what most development servers have.
            other if other.to_string().contains("CaUsedAsEndEntity") => "the certificate is self-signed".to_owned(),
            // The words of the library below name numbers of algorithms.
            _ => "the certificate is not valid, or signed in a way that is not safe".to_owned(),
        },
        Error::InvalidMessage(_) => "the server does not speak TLS on this port".to_owned(),
        Error::PeerIncompatible(_) => "the server offers no version or cipher of TLS that is still safe".to_owned(),
        Error::AlertReceived(Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA) => {
            WANTS_CERTIFICATE.to_owned()
        }
        Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure) => {
            "the server offers no version or cipher of TLS that is still safe".to_owned()
        }
        other => other.to_string(),
    }
}

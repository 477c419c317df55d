//! Hosts that may be called. Asked about every request by `permissions.rs`, and by `connect.rs` where a connection is opened, so that the address that was judged is
//! the one that is connected to; a name is judged anew with every connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arazzo_engine::limits::AllowedHost;
use arazzo_engine::remedy::{Naming, Remedy};
use serde::{Deserialize, Serialize};

use crate::remedy::builder_call;

/// The trust in a document on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Trust {
    /// Only hosts that were given are called ([`crate::Builder::allow_host`], [`crate::Builder::server`]), and none on
    /// this machine or a private network but those.
    #[default]
    Given,
    /// As the document of a stranger, which every document on the network is, whatever else is said here: only hosts that
    /// were given are called, over https but for this machine; a name that was given does not lead to a private network;
    /// unsafe methods and secrets have to be allowed too ([`crate::Builder::allow_unsafe`],
    /// [`crate::Builder::secret_host`]).
    Remote,
    /// As a file that its user has read: the hosts that it and its sources name may be called too, also on this machine
    /// and private networks where they are named literally. A public name does not lead there.
    Local,
}

/// The hosts that may be called.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Hosts {
    pub(crate) trust: Trust,
    /// `true`: this machine and private networks too, whatever leads there.
    pub(crate) private: bool,
    /// `true`: documents are fetched from them, with GET and without credentials; the document of a stranger may then name
    /// public hosts itself.
    pub(crate) documents: bool,
    /// The names of the settings that allow it, in messages.
    #[serde(skip, default = "naming")]
    pub(crate) naming: Naming,
    given: Vec<AllowedHost>,
}

fn naming() -> Naming {
    builder_call
}

impl Default for Hosts {
    fn default() -> Self {
        Self { trust: Trust::default(), private: false, documents: false, naming: naming(), given: vec![] }
    }
}

impl Hosts {
    /// Lets a host be called.
    pub(crate) fn give(&mut self, host: AllowedHost) {
        self.given.push(host);
    }

    pub(crate) fn is_given(&self, host: &str, port: u16) -> bool {
        self.given.iter().any(|given| given.is(host, port))
    }

    /// Decides about a host, before anything is known about its addresses; `secure` if with TLS.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub(crate) fn host(&self, host: &str, port: u16, secure: bool) -> Result<(), String> {
        let given = self.is_given(host, port);
        if self.trust == Trust::Remote && !secure && !(given && is_this_machine(host)) {
            return Err(format!("`{host}` may not be called: it is not https"));
        }
        let listed = match self.trust {
            Trust::Given => true,
            Trust::Remote => !self.documents,
            Trust::Local => false,
        };
        if listed && !given {
            return Err(format!("`{host}` may not be called: it was not given{}", self.advice(host)));
        }
        match host.parse() {
            Ok(address) => self.address(host, port, address),
            Err(_) => Ok(()),
        }
    }

    /// Decides about a connection to this address of a host.
    ///
    /// # Errors
    /// The reason why not, in words.
    pub(crate) fn address(&self, host: &str, port: u16, address: IpAddr) -> Result<(), String> {
        let kind = Kind::of(address);
        let literal = host.parse() == Ok(address);
        let may = match kind {
            Kind::Public => true,
            // Only who writes such an address down can mean it.
            Kind::Special(_) => literal && self.is_given(host, port),
            Kind::Own => {
                let (named, given) = (literal || is_private_name(host), self.is_given(host, port));
                self.private
                    || match self.trust {
                        Trust::Local => named || given,
                        // Who names a document means where it is.
                        Trust::Remote => (named || self.documents) && given,
                        Trust::Given => given,
                    }
            }
        };
        if may {
            return Ok(());
        }
        let what = match kind {
            Kind::Special(what) => what,
            _ => "of this machine or of a private network",
        };
        let advice = match kind {
            Kind::Own if self.trust == Trust::Remote && !literal && self.is_given(host, port) => {
                format!("; if it is meant: {}", (self.naming)(&Remedy::AllowPrivate))
            }
            _ if literal || kind == Kind::Own => self.advice(host),
            _ => String::new(),
        };
        Err(if literal {
            format!("`{host}` may not be called: it is an address {what}{advice}")
        } else {
            format!("`{host}` may not be called: its address {address} is one {what}{advice}")
        })
    }

    fn advice(&self, host: &str) -> String {
        format!("; if it is meant, allow it: {}", (self.naming)(&Remedy::AllowHost(host.to_owned())))
    }
}

/// `true` for names that the public name service does not know, so that nobody out there decides what they mean.
fn is_private_name(host: &str) -> bool {
    const ENDS: [&str; 6] = ["localhost", "local", "internal", "home.arpa", "lan", "test"];
    let ends = |end: &str| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !host.contains('.') && host.parse::<IpAddr>().is_err() || ENDS.iter().any(|end| ends(end))
}

/// `true` for hosts that are not on the public network by how they are written.
pub(crate) fn is_private(host: &str) -> bool {
    is_private_name(host) || host.parse().is_ok_and(|address| Kind::of(address) != Kind::Public)
}

/// `true` if the host is literally this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The kind of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    /// This machine, or a private network.
    Own,
    /// Nothing that a server of an API would have.
    Special(&'static str),
}

const METADATA: &str = "of a link, where cloud machines keep their credentials";
const RESERVED: &str = "that no server has";

impl Kind {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        match (a, b, c) {
            (169, 254, _) => Self::Special(METADATA),
            // Metadata of two clouds that do not use the link.
            (100, 100, 100) if address == Ipv4Addr::new(100, 100, 100, 200) => Self::Special(METADATA),
            (168, 63, 129) if address == Ipv4Addr::new(168, 63, 129, 16) => Self::Special(METADATA),
            (127, ..) | (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Self::Own,
            // `0.0.0.0` reaches this machine on many systems.
            (0, ..) => Self::Special(RESERVED),
            (192, 0, 0 | 2) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) | (224.., ..) => {
                Self::Special(RESERVED)
            }
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        let v4 = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Ipv4Addr::new(a, b, c, d)
        };
        match segments {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Own,
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Special(RESERVED),
            // Addresses that hold one of IPv4: mapped, compatible, translated (RFC 6052, RFC 8215), 6to4.
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0 | 1, 0, 0, 0, high, low]
            | [0x2002, high, low, ..] => Self::of_v4(v4(high, low)),
            // Teredo holds the address of the client, turned over.
            [0x2001, 0, .., high, low] => Self::of_v4(v4(!high, !low)),
            [0xfd00, 0xec2, ..] => Self::Special(METADATA),
            [first, ..] if first & 0xffc0 == 0xfe80 => Self::Special(METADATA),
            [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Self::Own,
            [first, ..] if first & 0xff00 == 0xff00 => Self::Special(RESERVED),
            [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] => Self::Special(RESERVED),
            _ => Self::Public,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn hosts(trust: Trust, given: &[&str]) -> Hosts {
        let mut hosts = Hosts { trust, ..Hosts::default() };
        given.iter().for_each(|host| hosts.give(AllowedHost::parse(host).unwrap()));
        hosts
    }

    fn may(hosts: &Hosts, host: &str, address: &str) -> bool {
        hosts.host(host, 443, true).and_then(|()| hosts.address(host, 443, address.parse().unwrap())).is_ok()
    }

    #[test]
    fn addresses_are_public_our_own_or_special_however_they_are_written() {
        let kinds = [
            (
                Kind::Public,
                "1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1 ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1",
            ),
            (Kind::Public, "172.15.0.1 100.63.0.1 192.0.1.1 198.17.0.1 198.20.0.1 198.51.101.1 203.0.114.1 223.0.0.1"),
            (Kind::Public, "168.63.129.17 168.63.128.16 192.169.0.1 169.253.0.1 2001:db9::1 fe00::1 fbff::1"),
            (Kind::Own, "100.100.100.201 100.127.0.1 fdff::1 feff::1 64:ff9b:1::a00:1 ::ffff:0:a00:1"),
            (Kind::Special(METADATA), "febf::1"),
            (Kind::Own, "127.0.0.1 127.255.0.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 ::1 fc00::1"),
            (
                Kind::Own,
                "fd12::1 fec0::1 ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::1 2001:0::80ff:fffe",
            ),
            (Kind::Special(METADATA), "169.254.169.254 169.254.0.1 fe80::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe"),
            (Kind::Special(METADATA), "fd00:ec2::254 100.100.100.200 168.63.129.16 2002:a9fe:a9fe::1"),
            (
                Kind::Special(RESERVED),
                "0.0.0.0 0.1.2.3 :: 224.0.0.1 255.255.255.255 240.0.0.1 192.0.2.1 198.18.0.1 ff02::1",
            ),
            (
                Kind::Special(RESERVED),
                "2001:db8::1 2001:0::34ff:8ef6 100::1 203.0.113.9 198.51.100.1 192.0.0.192 ::ffff:0.0.0.0",
            ),
        ];
        for (kind, addresses) in kinds {
            for address in addresses.split(' ') {
                assert_eq!(Kind::of(address.parse().unwrap()), kind, "{address}");
            }
        }
    }

    #[test]
    fn a_document_of_this_machine_reaches_what_it_names_and_no_further() {
        let hosts = hosts(Trust::Local, &[]);
        for (host, address) in [
            ("api.example", "1.1.1.1"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.5", "10.0.0.5"),
            ("localhost", "::1"),
            ("api.localhost", "127.0.0.1"),
            ("db.internal", "10.0.0.5"),
            ("web", "172.18.0.2"),
        ] {
            assert!(may(&hosts, host, address), "{host} {address}");
        }
        for (host, address) in [
            ("api.example", "127.0.0.1"),
            ("api.example", "10.0.0.5"),
            ("api.example", "::ffff:192.168.0.1"),
            ("notlocalhost.example", "127.0.0.1"),
            ("api.example", "169.254.169.254"),
            ("metadata.internal", "169.254.169.254"),
            ("169.254.169.254", "169.254.169.254"),
            ("0.0.0.0", "0.0.0.0"),
        ] {
            assert!(!may(&hosts, host, address), "{host} {address}");
        }
    }

    #[test]
    fn without_trust_only_what_was_given_is_called() {
        let hosts = hosts(Trust::Given, &["api.example", "db.example:443", "127.1", "::1", "[fd00::1]:443"]);
        for (host, address) in [
            ("api.example", "1.1.1.1"),
            ("api.example", "10.0.0.5"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("fd00::1", "fd00::1"),
        ] {
            assert!(may(&hosts, host, address), "{host} {address}");
        }
        for (host, address) in [
            ("other.example", "1.1.1.1"),
            ("localhost", "127.0.0.1"),
            ("127.0.0.2", "127.0.0.2"),
            ("api.example", "169.254.169.254"),
        ] {
            assert!(!may(&hosts, host, address), "{host} {address}");
        }
        assert!(hosts.host("api.example", 80, false).is_ok());
        // Every port would be allowed by one that is not understood.
        assert!(AllowedHost::parse("db.example:x").is_err());
    }

    #[test]
    fn a_stranger_calls_what_was_given_over_https_and_no_private_network_behind_a_name() {
        let hosts = hosts(Trust::Remote, &["api.example", "db.internal", "127.0.0.1", "10.0.0.5"]);
        for (host, address) in [
            ("api.example", "1.1.1.1"),
            ("db.internal", "10.0.0.5"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.5", "10.0.0.5"),
        ] {
            assert!(may(&hosts, host, address), "{host} {address}");
        }
        for (host, address) in [
            ("other.example", "1.1.1.1"),
            ("api.example", "10.0.0.5"),
            ("api.example", "127.0.0.1"),
            ("10.0.0.6", "10.0.0.6"),
            ("localhost", "127.0.0.1"),
            ("169.254.169.254", "169.254.169.254"),
        ] {
            assert!(!may(&hosts, host, address), "{host} {address}");
        }
        assert!(hosts.host("127.0.0.1", 80, false).is_ok());
        assert!(hosts.host("api.example", 80, false).is_err() && hosts.host("10.0.0.5", 80, false).is_err());
        // Documents are read from public hosts that it names.
        let documents = Hosts { documents: true, ..hosts };
        assert!(may(&documents, "other.example", "1.1.1.1"));
        assert!(!may(&documents, "other.example", "10.0.0.5") && !may(&documents, "localhost", "127.0.0.1"));
    }

    #[test]
    fn a_refusal_says_why_and_what_would_allow_it() {
        let link = "of a link, where cloud machines keep their credentials";
        let own = "of this machine or of a private network";
        for (trust, given, host, address, why, remedy) in [
            (Trust::Remote, "", "a.example", "1.1.1.1", "it was not given", "host"),
            (Trust::Given, "", "a.example", "1.1.1.1", "it was not given", "host"),
            (Trust::Local, "", "169.254.1.1", "169.254.1.1", &format!("it is an address {link}"), "host"),
            (Trust::Local, "", "a.example", "169.254.1.1", &format!("its address 169.254.1.1 is one {link}"), ""),
            (Trust::Local, "", "a.example", "10.0.0.1", &format!("its address 10.0.0.1 is one {own}"), "host"),
            (Trust::Local, "", "a.example", "0.0.0.0", "its address 0.0.0.0 is one that no server has", ""),
            (Trust::Remote, "a.example", "a.example", "::1", &format!("its address ::1 is one {own}"), "private"),
        ] {
            let given: Vec<&str> = given.split_terminator(',').collect();
            let hosts = hosts(trust, &given);
            let address = address.parse().unwrap();
            let said = hosts.host(host, 443, true).and_then(|()| hosts.address(host, 443, address)).unwrap_err();
            let remedy = match remedy {
                "host" => format!("; if it is meant, allow it: {}", naming()(&Remedy::AllowHost(host.to_owned()))),
                "private" => format!("; if it is meant: {}", naming()(&Remedy::AllowPrivate)),
                _ => String::new(),
            };
            assert_eq!(said, format!("`{host}` may not be called: {why}{remedy}"));
        }
        let strange = hosts(Trust::Remote, &["a.example"]);
        assert_eq!(strange.host("a.example", 80, false).unwrap_err(), "`a.example` may not be called: it is not https");
    }

    #[test]
    fn names_and_addresses_that_are_not_on_the_public_network_are_known_by_how_they_are_written() {
        for (host, private, this) in [
            ("localhost", true, true),
            ("api.localhost", true, true),
            ("127.0.0.2", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("::1", true, true),
            ("10.0.0.1", true, false),
            ("web", true, false),
            ("printer.local", true, false),
            ("router.home.arpa", true, false),
            ("169.254.169.254", true, false),
            ("api.example", false, false),
            ("printer.mylocal", false, false),
            ("notlocalhost.example", false, false),
            ("mylocalhost", true, false),
            ("1.1.1.1", false, false),
            ("2606:4700::1", false, false),
        ] {
            assert_eq!((is_private(host), is_this_machine(host)), (private, this), "{host}");
        }
    }

    #[test]
    fn a_port_that_was_given_is_the_only_one() {
        let hosts = hosts(Trust::Given, &["api.example:8443"]);
        assert!(hosts.host("api.example", 8443, true).is_ok() && hosts.host("api.example", 443, true).is_err());
    }

    #[test]
    fn a_link_is_reached_only_by_who_writes_its_address_down() {
        let mut hosts = hosts(Trust::Local, &["169.254.169.254", "cloud.example"]);
        hosts.private = true;
        assert!(may(&hosts, "169.254.169.254", "169.254.169.254"));
        assert!(may(&hosts, "any.example", "10.0.0.1"));
        assert!(!may(&hosts, "cloud.example", "169.254.169.254") && !may(&hosts, "169.254.1.1", "169.254.1.1"));
    }
}

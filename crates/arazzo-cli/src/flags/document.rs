//! The document that is read, and the way in which it is.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;

use super::ServerFlags;
use super::values::{readings, source};
use crate::remedies;

/// The document, and the servers and sources that take the place of its own.
#[derive(Debug, Args)]
pub(crate) struct DocumentFlags {
    /// The Arazzo document: a file, - (stdin), or an https url. One on the network calls hosts, changes things and sends secrets as
    /// it is allowed to
    #[arg(value_name = "DOC", index = 1)]
    pub(crate) document: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    /// Read a source description from here instead of its url
    #[arg(help_heading = "Documents", long = "source", value_name = "NAME=FILE-OR-URL", value_parser = source)]
    pub(crate) sources: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) offline: OfflineFlag,
    #[command(flatten)]
    pub(crate) reading: ReadingFlags,
}

impl DocumentFlags {
    /// `true` for a document on standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.document.as_os_str() == "-"
    }

    /// A document; `text` is that of one on standard input, which stands in this folder.
    pub(crate) fn opened(document: &Path, text: Option<&str>) -> arazzo::Builder {
        match text {
            Some(text) => arazzo::open("stdin").text(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
            None => arazzo::open(document),
        }
    }

    /// The builder of the library with these flags, of a document as [`DocumentFlags::opened`] takes it.
    pub(crate) fn builder(&self, text: Option<&str>) -> arazzo::Builder {
        self.builder_of(&self.document, text, None)
    }

    /// As [`DocumentFlags::builder`], of one of several documents; `sources` are those that it describes.
    pub(crate) fn builder_of(
        &self,
        document: &Path,
        text: Option<&str>,
        sources: Option<&[String]>,
    ) -> arazzo::Builder {
        let opened = Self::opened(document, text).naming(remedies::flag);
        let mut builder = self.reading.on(opened).workspace(true);
        builder = self.server.on_sources(sources, self.offline.on(builder));
        for (name, path) in &self.sources {
            builder = builder.source(name, path);
        }
        builder
    }
}

/// Documents on the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Servers and network")]
pub(crate) struct OfflineFlag {
    /// Fetch no document from the network. Without it, sources that the document names literally are fetched over
    /// https, without credentials
    #[arg(long, env = "ARAZZO_OFFLINE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub(crate) offline: bool,
}

impl OfflineFlag {
    /// Documents as people read them: with the proxy of the environment, from where the document says.
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        let mut network = arazzo::Network::default();
        network.proxy = arazzo::Proxy::Environment;
        builder.trust(arazzo::Trust::Local).network(network).offline(self.offline)
    }
}

/// The mode of reading.
#[derive(Debug, Args)]
#[command(next_help_heading = "Documents")]
pub(crate) struct ReadingFlags {
    /// How departures from the specification are read: lenient (as their author meant, with a warning), strict
    /// (refused), letter (the text exactly)
    #[arg(long, value_name = "MODE", default_value = "lenient", value_parser = readings)]
    pub(crate) readings: arazzo::Readings,
    /// Refuse departures from the specification: --readings strict
    #[arg(long, conflicts_with = "readings")]
    pub(crate) strict: bool,
}

impl ReadingFlags {
    pub(crate) fn on(&self, builder: arazzo::Builder) -> arazzo::Builder {
        builder.readings(if self.strict { arazzo::Readings::Strict } else { self.readings })
    }
}

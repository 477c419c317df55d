//! How a run came to be, as far as it stays so when the run goes on: the texts of its documents, how they are read, and what
//! the run may do.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use arazzo_engine::limits::ContractCheck;
use arazzo_engine::readings::Readings;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::builder::{self, Builder, is_remote};
use crate::description::{Description, GivenDocuments};
use crate::error::Error;
use crate::policy::permissions::RunPolicy;

/// Everything that is said of a run before it begins, but for its settings, which are in its state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Setup {
    /// The document as it was named, and the folder that it was named from.
    document: PathBuf,
    folder: PathBuf,
    readings: Readings,
    #[serde(flatten)]
    given: GivenDocuments,
    contract: ContractCheck,
    policy: RunPolicy,
}

/// A text of a document, and where it stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptText {
    pub(crate) uri: String,
    pub(crate) text: String,
}

impl Setup {
    pub(crate) fn of(description: &Description) -> Self {
        Self {
            document: description.path.clone(),
            folder: std::env::current_dir().unwrap_or_default(),
            readings: description.readings,
            given: description.given.clone(),
            contract: description.settings.contract,
            policy: description.world.grants.clone(),
        }
    }

    /// Opens these texts as the documents were opened.
    pub(crate) fn builder(self, texts: Vec<KeptText>) -> Builder {
        let mut builder = self.builder_now().offline(true);
        builder.place.memory_only = true;
        texts.into_iter().fold(builder, |builder, kept| builder.document(kept.uri, kept.text))
    }

    /// Opens the documents as they are now, as they were opened.
    pub(crate) fn builder_now(self) -> Builder {
        let here = std::env::current_dir().is_ok_and(|here| here == self.folder);
        let path = if here || is_remote(&self.document) { self.document } else { self.folder.join(self.document) };
        let mut builder = builder::open(path).readings(self.readings).contract(self.contract);
        builder.sources = self.given.sources.into_iter().map(|(name, uri)| (name, PathBuf::from(uri))).collect();
        builder.headers = self.given.headers;
        builder.grants = self.policy;
        builder
    }

    /// As it is once these permissions are given too.
    pub(crate) fn with_policy(mut self, policy: RunPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The document, as it was named.
    pub(crate) fn document(&self) -> &Path {
        &self.document
    }
}

impl KeptText {
    /// Takes a text apart into bytes that are worth encrypting.
    ///
    /// # Errors
    /// [`Error::Setup`], which memory does not give.
    pub(crate) fn compressed(&self) -> Result<Vec<u8>, Error> {
        compress(self)
    }

    /// The inverse of [`KeptText::compressed`]; nothing if the bytes are others.
    pub(crate) fn of_compressed(bytes: &[u8]) -> Option<Self> {
        decompress(bytes)
    }
}

/// A value as JSON, compressed.
///
/// # Errors
/// [`Error::Setup`] if it cannot be written as JSON.
pub(crate) fn compress(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(value).map_err(|error| Error::Setup(error.to_string()))?;
    let mut encoder = DeflateEncoder::new(vec![], Compression::default());
    encoder.write_all(&json).and_then(|()| encoder.finish()).map_err(|error| Error::Setup(error.to_string()))
}

/// The inverse of [`compress`]; nothing if the bytes are others.
pub(crate) fn decompress<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut json = vec![];
    DeflateDecoder::new(bytes).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

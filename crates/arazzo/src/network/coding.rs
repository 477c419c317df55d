//! Content codings (RFC 9110, section 8.4): bytes of an answer → the body, decoded while it comes. Every decoder stops
//! at the limit of the body, so that a few bytes cannot become many.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The codings that a request says it reads.
pub(crate) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// Codings that may stand one above the other.
const MOST: usize = 2;

/// The window that a zstd body may ask for (RFC 9659).
const ZSTD_WINDOW: u64 = 8 << 20;

/// The reason why there is no body.
#[derive(Debug, PartialEq)]
pub(crate) enum DecodeError {
    /// More bytes than the limit.
    TooLarge,
    /// It is not what its headers say, in words.
    Wrong(String),
}

/// A body that is coming.
pub(crate) struct Body {
    /// The coding that was applied last comes first.
    stages: Vec<Stage>,
    whole: Limited,
    /// Bytes that came, before they were decoded.
    raw: u64,
    limit: u64,
}

impl Body {
    /// A body with the values of its `Content-Encoding` headers, and the most bytes it may have.
    ///
    /// # Errors
    /// If a coding is not read, or there are too many.
    pub(crate) fn new<'a>(codings: impl Iterator<Item = &'a str>, limit: u64) -> Result<Self, DecodeError> {
        let mut stages = vec![];
        for coding in codings.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase()) {
            // Some servers name a charset or nothing here, and send the body as it is.
            if !matches!(coding.as_str(), "" | "identity" | "none" | "binary" | "utf-8") {
                stages.push(Stage::new(&coding, limit)?);
            }
        }
        if stages.len() > MOST {
            return Err(DecodeError::Wrong(format!(
                "the body is coded {} times, and at most {MOST} are read",
                stages.len()
            )));
        }
        stages.reverse();
        Ok(Self { stages, whole: Limited::new(limit), raw: 0, limit })
    }

    /// `true` if the bytes that come are not the bytes of the body.
    pub(crate) fn is_coded(&self) -> bool {
        !self.stages.is_empty()
    }

    /// Adds what came.
    ///
    /// # Errors
    /// At the limit, and if it cannot be decoded.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.raw = self.raw.saturating_add(bytes.len() as u64);
        if self.raw > self.limit {
            return Err(DecodeError::TooLarge);
        }
        self.pass(0, bytes)
    }

    /// The body, once everything has come.
    ///
    /// # Errors
    /// As [`Body::add`], and if it is cut short.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, DecodeError> {
        // A body of nothing is nothing in every coding: answers to HEAD, 204 and 304 have one.
        let coded = if self.raw > 0 { self.stages.len() } else { 0 };
        for index in 0..coded {
            let decoded = match self.stages.get_mut(index) {
                Some(stage) => stage.step(|decoder| decoder.finish())?,
                None => continue,
            };
            self.pass(index + 1, &decoded)?;
        }
        Ok(self.whole.bytes)
    }

    /// Decodes from this stage on.
    fn pass(&mut self, from: usize, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut bytes = std::borrow::Cow::Borrowed(bytes);
        for stage in self.stages.iter_mut().skip(from) {
            bytes = stage.step(|decoder| decoder.add(&bytes))?.into();
        }
        self.whole.write_all(&bytes).map_err(|_| DecodeError::TooLarge)
    }
}

/// One coding.
struct Stage {
    name: String,
    decoder: Box<dyn Decode>,
    /// Bytes that this stage has given out.
    given: u64,
    limit: u64,
}

impl Stage {
    fn new(name: &str, limit: u64) -> Result<Self, DecodeError> {
        let out = Limited::new(limit);
        let decoder: Box<dyn Decode> = match name {
            "gzip" | "x-gzip" => Box::new(Gzip::new(out)),
            "deflate" => Box::new(Deflate::Undecided(vec![], out)),
            "br" => Box::new(DecompressorWriter::new(out, 4096)),
            "zstd" => Box::new(Zstd::new(out)),
            // Whole: who masks it cuts it.
            other => return Err(DecodeError::Wrong(format!("the body is coded as `{other}`, which is not read"))),
        };
        Ok(Self { name: name.to_owned(), decoder, given: 0, limit })
    }

    /// The result of one step.
    fn step(&mut self, step: impl FnOnce(&mut dyn Decode) -> io::Result<()>) -> Result<Vec<u8>, DecodeError> {
        let done = step(self.decoder.as_mut());
        let out = self.decoder.out();
        if out.full {
            return Err(DecodeError::TooLarge);
        }
        let decoded = std::mem::take(&mut out.bytes);
        self.given = self.given.saturating_add(decoded.len() as u64);
        out.limit = self.limit.saturating_sub(self.given);
        match done {
            Ok(()) => Ok(decoded),
            Err(_) => Err(DecodeError::Wrong(format!("the body is not whole, valid {}", self.name))),
        }
    }
}

/// A decoder that is pushed.
trait Decode: Send {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// No more will come.
    fn finish(&mut self) -> io::Result<()>;
    fn out(&mut self) -> &mut Limited;
}

/// The sink of decoded bytes, up to a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: u64,
    full: bool,
}

impl Limited {
    fn new(limit: u64) -> Self {
        Self { bytes: vec![], limit, full: false }
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() as u64).saturating_add(bytes.len() as u64) > self.limit {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Members of a gzip body that are read: each costs as much as thousands of bytes, be it empty.
const MEMBERS: usize = 10_000;

/// The bytes that a member of a gzip body begins with (RFC 1952 2.3.1).
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];

/// A gzip body: members, one after another.
struct Gzip {
    decoder: MultiGzDecoder<Limited>,
    /// Places that may begin a member, which is no fewer than there are.
    begun: usize,
    /// The last bytes that came: a member may begin between two parts.
    last: Vec<u8>,
}

impl Gzip {
    fn new(out: Limited) -> Self {
        Self { decoder: MultiGzDecoder::new(out), begun: 0, last: vec![] }
    }
}

impl Decode for Gzip {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.last.extend_from_slice(bytes.get(..bytes.len().min(MEMBER.len() - 1)).unwrap_or_default());
        let count = |bytes: &[u8]| bytes.windows(MEMBER.len()).filter(|window| *window == MEMBER).count();
        self.begun += count(&self.last) + count(bytes);
        let kept =
            |bytes: &[u8]| bytes.get(bytes.len().saturating_sub(MEMBER.len() - 1)..).unwrap_or_default().to_vec();
        self.last = if bytes.len() < MEMBER.len() { kept(&self.last) } else { kept(bytes) };
        if self.begun > MEMBERS {
            return Err(io::Error::other("too many members"));
        }
        self.decoder.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.decoder.try_finish()
    }

    fn out(&mut self) -> &mut Limited {
        self.decoder.get_mut()
    }
}

impl Decode for DecompressorWriter<Limited> {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.close()
    }

    fn out(&mut self) -> &mut Limited {
        self.get_mut()
    }
}

/// By the text `deflate` means the zlib format; many servers send it without that frame.
enum Deflate {
    Undecided(Vec<u8>, Limited),
    Framed(ZlibDecoder<Limited>),
    Bare(DeflateDecoder<Limited>),
}

impl Decode for Deflate {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Framed(decoder) => decoder.write_all(bytes),
            Self::Bare(decoder) => decoder.write_all(bytes),
            Self::Undecided(begun, out) => {
                begun.extend_from_slice(bytes);
                let [first, second, ..] = begun.as_slice() else { return Ok(()) };
                let framed = first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0;
                let (begun, out) = (std::mem::take(begun), std::mem::replace(out, Limited::new(0)));
                *self = if framed { Self::Framed(ZlibDecoder::new(out)) } else { Self::Bare(DeflateDecoder::new(out)) };
                self.add(&begun)
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Framed(decoder) => decoder.try_finish(),
            Self::Bare(decoder) => decoder.try_finish(),
            Self::Undecided(..) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn out(&mut self) -> &mut Limited {
        match self {
            Self::Framed(decoder) => decoder.get_mut(),
            Self::Bare(decoder) => decoder.get_mut(),
            Self::Undecided(_, out) => out,
        }
    }
}

/// Zstandard frames (RFC 8878), decoded block by block: a block has at most 128 KiB, so the limit is looked at often.
struct Zstd {
    decoder: FrameDecoder,
    begun: Vec<u8>,
    /// `Some` within a frame: whether a checksum ends it.
    frame: Option<bool>,
    out: Limited,
}

impl Zstd {
    /// The longest header of a frame.
    const HEADER: usize = 18;

    fn new(out: Limited) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        Self { decoder, begun: vec![], frame: None, out }
    }

    /// Decodes what is whole; `last` if no more will come.
    fn decode(&mut self, last: bool) -> io::Result<()> {
        let mut at = 0;
        while let Some(rest) = self.begun.get(at..).filter(|rest| !rest.is_empty()) {
            let mut left = rest;
            match self.frame {
                None if rest.len() < Self::HEADER && !last => break,
                None => {
                    self.decoder.reset(&mut left).map_err(io::Error::other)?;
                    self.frame = Some(rest.get(4).is_some_and(|descriptor| descriptor & 4 != 0));
                }
                Some(checksum) => {
                    let [a, b, c, ..] = *rest else { break };
                    let header = u32::from_le_bytes([a, b, c, 0]);
                    let size = if header >> 1 & 3 == 1 { 1 } else { header as usize >> 3 };
                    let is_last = header & 1 == 1;
                    if rest.len() < 3 + size + if is_last && checksum { 4 } else { 0 } {
                        break;
                    }
                    self.decoder
                        .decode_blocks(&mut left, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(io::Error::other)?;
                    self.decoder.collect_to_writer(&mut self.out)?;
                    if is_last {
                        let (said, is) =
                            (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
                        if checksum && said != is {
                            return Err(io::ErrorKind::InvalidData.into());
                        }
                        self.frame = None;
                    }
                }
            }
            at += rest.len() - left.len();
        }
        self.begun.drain(..at);
        Ok(())
    }
}

impl Decode for Zstd {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.begun.extend_from_slice(bytes);
        self.decode(false)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.decode(true)?;
        if self.frame.is_none() && self.begun.is_empty() {
            return Ok(());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn out(&mut self) -> &mut Limited {
        &mut self.out
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"one two three one two three one two three";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// A stream of brotli with one block that is not compressed: nothing here writes compressed ones.
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        let length = bytes.len() as u32 - 1;
        // WBITS 16 (0), ISLAST 0, MNIBBLES 4 (00), MLEN - 1 in 16 bits, ISUNCOMPRESSED 1, then to the next byte.
        let head = length << 4 | 1 << 20;
        let mut coded = head.to_le_bytes()[..3].to_vec();
        coded.extend_from_slice(bytes);
        coded.push(3); // ISLAST, ISEMPTY
        coded
    }

    fn decoded(coding: &str, bytes: &[u8], limit: u64, step: usize) -> Result<Vec<u8>, DecodeError> {
        let mut body = Body::new(std::iter::once(coding), limit)?;
        for chunk in bytes.chunks(step) {
            body.add(chunk)?;
        }
        body.finish()
    }

    #[test]
    fn every_coding_is_read_however_it_is_cut() {
        let cases: [(&str, Vec<u8>); 7] = [
            ("gzip", gzip(TEXT)),
            ("X-GZip", gzip(TEXT)),
            ("deflate", zlib(TEXT)),
            ("deflate", bare(TEXT)),
            ("zstd", zstd(TEXT)),
            ("br", brotli(TEXT)),
            ("identity", TEXT.to_vec()),
        ];
        for (coding, bytes) in cases {
            for step in [1, 2, 7, 1000] {
                assert_eq!(decoded(coding, &bytes, 1000, step).unwrap(), TEXT, "{coding} by {step}");
            }
        }
        assert_eq!(decoded("gzip, deflate", &zlib(&gzip(TEXT)), 1000, 3).unwrap(), TEXT);
        assert_eq!(decoded("gzip", &[gzip(b"a"), gzip(b"b")].concat(), 1000, 3).unwrap(), b"ab");
        assert_eq!(decoded("zstd", &[zstd(b"a"), zstd(b"b")].concat(), 1000, 3).unwrap(), b"ab");
    }

    #[test]
    fn a_body_that_is_cut_short_or_changed_is_not_a_body() {
        for (coding, bytes) in
            [("gzip", gzip(TEXT)), ("deflate", zlib(TEXT)), ("zstd", zstd(TEXT)), ("br", brotli(TEXT))]
        {
            for length in 1..bytes.len() {
                assert!(
                    matches!(decoded(coding, &bytes[..length], 1000, 5), Err(DecodeError::Wrong(_))),
                    "{coding} {length}"
                );
            }
        }
        assert!(matches!(decoded("gzip", b"not gzip at all", 1000, 5), Err(DecodeError::Wrong(_))));
        assert!(matches!(decoded("rot13", b"x", 1000, 5), Err(DecodeError::Wrong(_))));
        assert!(matches!(decoded("gzip, gzip, gzip", b"x", 1000, 5), Err(DecodeError::Wrong(_))));
    }

    #[test]
    fn an_answer_without_a_body_has_none_in_every_coding() {
        for coding in ["gzip", "deflate", "zstd", "br"] {
            assert_eq!(decoded(coding, b"", 1000, 5), Ok(vec![]));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit_in_every_coding() {
        let zeros = vec![0; 1 << 20];
        for (coding, bytes) in [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("zstd", zstd(&zeros))] {
            assert!(bytes.len() < 1 << 16, "{coding} {}", bytes.len());
            assert_eq!(decoded(coding, &bytes, 1 << 16, 4096), Err(DecodeError::TooLarge), "{coding}");
            assert_eq!(decoded(coding, &bytes, 1 << 20, 4096).unwrap().len(), 1 << 20, "{coding}");
        }
        assert_eq!(decoded("gzip, gzip", &gzip(&gzip(&zeros)), 1 << 16, 4096), Err(DecodeError::TooLarge));
        assert_eq!(decoded("identity", &zeros, 1 << 16, 4096), Err(DecodeError::TooLarge));
    }
}

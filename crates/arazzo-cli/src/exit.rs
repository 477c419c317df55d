//! The exit codes, in one place. `arazzo run --help` shows the same table.

use arazzo::diagnostics::Diagnostics;

/// The workflow succeeded or ended, or the command did what it was asked for.
pub(crate) const SUCCEEDED: u8 = 0;
/// A recorded run went differently, or a test failed.
pub(crate) const DIFFERENT: u8 = 1;
/// The command line or the inputs are wrong.
pub(crate) const USAGE: u8 = 2;
/// A document is wrong, or a source is not found.
pub(crate) const DOCUMENT: u8 = 3;
/// Refused by policy: a host, a file, a secret.
pub(crate) const REFUSED: u8 = 6;
/// The outputs, a report or the journal could not be written.
pub(crate) const OUTPUT: u8 = 7;
/// There was nothing to do: no case fits, or there are no documents in the folders.
pub(crate) const NOTHING: u8 = 8;
/// It is not known whether a request of a run has arrived that may not be sent twice.
pub(crate) const IN_DOUBT: u8 = 9;
/// Stopped by SIGTERM; Ctrl-C is 130, from the library.
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
pub(crate) const TERMINATED: u8 = 143;

/// The exit code of documents that cannot be run.
pub(crate) fn of(diagnostics: &Diagnostics) -> u8 {
    if diagnostics.has_refusals() { REFUSED } else { DOCUMENT }
}

/// The table for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    the workflow succeeded, or an end action on success ended it
  1    the workflow failed; or an output has no value, with --require-outputs
  2    the command line or the inputs are wrong
  3    a document is wrong, or a source is not found
  4    no answer from a server, and the document does not handle it
  5    stopped by a limit of the run: steps, time, waiting, depth of calls, body size
  6    refused by policy: a host, a file, a secret
  7    the outputs, a report or the journal could not be written
  8    nothing ran: no case fits, or no document is in the folders
  9    in doubt: it is to be decided what a resumed run does about a request that may have arrived
  130  interrupted (143: terminated)";

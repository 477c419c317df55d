//! Reasons why a step or a run did not succeed: the one list of them, each with a page (`pages/reasons/`).
//!
//! As with codes, what hangs on a reason stands in its row, and elsewhere it is a variant that is matched.

use crate::code::Code;
use crate::string_enum::string_enum;

macro_rules! reasons {
    ($($variant:ident = $word:literal, exit $exit:literal, sent $sent:literal $(, page of $code:ident)?;)*) => {
        string_enum! {
            /// The kind of a failure or a stop, by words such as `criterion-not-met`.
            #[non_exhaustive]
            pub enum Reason: "reason" {
                $(
                    #[doc = concat!("`", $word, "`")]
                    $variant = $word,
                )*
            }
        }

        impl Reason {
            /// The exit code of the command line for a run that ends with it.
            #[must_use]
            pub const fn exit(self) -> u8 {
                match self {
                    $(Self::$variant => $exit,)*
                }
            }

            /// `false` if the attempt that it ended sent nothing: an earlier request of the step is not what failed.
            #[must_use]
            pub const fn was_sent(self) -> bool {
                match self {
                    $(Self::$variant => $sent,)*
                }
            }

            /// The page about it, as Markdown. Where a document can be wrong in the same way, it is that of the code.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => reasons!(@page $word $(, $code)?),)*
                }
            }
        }
    };
    (@page $word:literal) => { include_str!(concat!("../pages/reasons/", $word, ".md")) };
    (@page $word:literal, $code:ident) => { Code::$code.page() };
}

reasons! {
    // variant = word, exit code, whether the attempt sent a request; whose page it is, if not its own.
    AbsentValue = "absent-value", exit 1, sent false;
    BodyLimit = "body-limit", exit 5, sent true;
    BodyNotJson = "body-not-json", exit 1, sent true, page of BodyNotJson;
    BufferLimit = "buffer-limit", exit 5, sent true;
    ConnectionLost = "connection-lost", exit 4, sent true;
    ContractDeparted = "contract-departed", exit 1, sent true, page of ContractDeparted;
    ContractNotChecked = "contract-not-checked", exit 1, sent true, page of ContractNotChecked;
    CriterionNotEvaluable = "criterion-not-evaluable", exit 1, sent true;
    CriterionNotMet = "criterion-not-met", exit 1, sent true;
    DependencyNotMet = "dependency-not-met", exit 1, sent false;
    DepthLimit = "depth-limit", exit 5, sent false;
    EndedOnFailure = "ended-on-failure", exit 1, sent true;
    HeadLimit = "head-limit", exit 5, sent true;
    HostRefused = "host-refused", exit 6, sent true;
    Interrupted = "interrupted", exit 130, sent true;
    InvalidInput = "invalid-input", exit 1, sent false, page of InvalidInput;
    KeptLimit = "kept-limit", exit 5, sent true;
    MessageMismatch = "message-mismatch", exit 1, sent false, page of MessageMismatch;
    MessageNotSent = "message-not-sent", exit 4, sent true;
    MissingOutputs = "missing-outputs", exit 1, sent true;
    NestingLimit = "nesting-limit", exit 5, sent true;
    NoAnswer = "no-answer", exit 4, sent true;
    NoCredentials = "no-credentials", exit 1, sent true;
    NoMatchingMessage = "no-matching-message", exit 1, sent true;
    NoOperation = "no-operation", exit 1, sent false;
    NoToken = "no-token", exit 1, sent true;
    RedirectLimit = "redirect-limit", exit 5, sent true;
    RedirectRefused = "redirect-refused", exit 6, sent true;
    ReplacementTarget = "replacement-target", exit 1, sent false;
    RequestLimit = "request-limit", exit 5, sent true;
    StepLimit = "step-limit", exit 5, sent false;
    StepTimeout = "step-timeout", exit 1, sent true;
    TimeLimit = "time-limit", exit 5, sent true;
    UnexpectedStatus = "unexpected-status", exit 1, sent true;
    UnknownServer = "unknown-server", exit 1, sent false, page of UnknownServer;
    UnplannedRequest = "unplanned-request", exit 6, sent false;
    UnsafePath = "unsafe-path", exit 1, sent false, page of UnsafePath;
    UnsafeValue = "unsafe-value", exit 1, sent false, page of UnsafeValue;
    ValueLimit = "value-limit", exit 5, sent false;
    ValuesLimit = "values-limit", exit 5, sent true;
    WaitLimit = "wait-limit", exit 5, sent true;
}

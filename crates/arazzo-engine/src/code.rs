//! The codes of everything that can be said about documents, inputs and what stands beside them: the one list of them.
//!
//! A code is a word for people and machines: it is printed, written into reports, named in comments and project files,
//! and has a page (`pages/diagnostics/`). What hangs on it stands in its row here. Outside of this file a code is a
//! variant that is matched, never a text that is compared.

use crate::string_enum::string_enum;

string_enum! {
    /// The weight of a diagnostic.
    pub enum Severity: "severity" {
        /// The document runs as it is written; it could be clearer.
        Hint = "hint",
        /// The document runs; the reading that was chosen is named.
        Warning = "warning",
        /// The document does not run.
        Error = "error",
    }
}

string_enum! {
    /// The field of a diagnostic: what `lint --only` picks from.
    #[non_exhaustive]
    pub enum Category: "category" {
        /// The text of a document, its fields, their types and values.
        Structure = "structure",
        /// Names that lead to something: sources, operations, workflows, steps, outputs, inputs, components.
        References = "references",
        /// Runtime expressions, conditions, selectors, patterns.
        Expressions = "expressions",
        /// The order of steps and workflows, and whether they are reached.
        Flow = "flow",
        /// Values against the schemas of the API descriptions and of the inputs.
        Data = "data",
        /// Values that must not be seen.
        Secrets = "secrets",
        /// Names and descriptions for people.
        Style = "style",
    }
}

/// The weight of a departure from the specification in the modes that do not simply warn (docs/readings.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// In the mode `strict`.
    pub strict: Severity,
    /// In the mode `letter`; nothing where the letter has nothing to say about it.
    pub letter: Option<Severity>,
}

macro_rules! codes {
    ($($variant:ident = $word:literal, $category:ident, $section:literal $(read $strict:ident, $letter:expr)?;)*) => {
        string_enum! {
            /// A kind of diagnostic, by words such as `unknown-step`.
            #[non_exhaustive]
            pub enum Code: "diagnostic" {
                $(
                    #[doc = concat!("`", $word, "`")]
                    $variant = $word,
                )*
            }
        }

        impl Code {
            /// The field it belongs to.
            #[must_use]
            pub const fn category(self) -> Category {
                match self {
                    $(Self::$variant => Category::$category,)*
                }
            }

            /// The section of the specification that its page refers to: `§Step Object`.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self {
                    $(Self::$variant => $section,)*
                }
            }

            /// The weight in the modes; nothing for what is no departure, but an error in every mode.
            #[must_use]
            pub fn reading(self) -> Option<Reading> {
                let readings: &[Reading] = match self {
                    $(Self::$variant => &[$(Reading { strict: Severity::$strict, letter: $letter })?],)*
                };
                readings.first().copied()
            }

            /// The page about it, as Markdown.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../pages/diagnostics/", $word, ".md")),)*
                }
            }
        }
    };
}

const SAID: Option<Severity> = Some(Severity::Warning);
const REFUSED: Option<Severity> = Some(Severity::Error);
const SILENT: Option<Severity> = None;

codes! {
    // variant = word, category, section; for a departure also its weight in the modes `strict` and `letter`.
    ActionCondition = "action-condition", Structure, "§Failure Action Object" read Error, REFUSED;
    ActionPerspective = "action-perspective", References, "§Step Object";
    ActionsAsMap = "actions-as-map", Structure, "§Step Object" read Error, REFUSED;
    AliasLimit = "alias-limit", Structure, "§Format";
    AllOutputs = "all-outputs", Expressions, "§Runtime Expressions" read Error, SAID;
    AmbiguousOperationId = "ambiguous-operation-id", References, "§Step Object" read Error, REFUSED;
    AnswerOfWorkflow = "answer-of-workflow", Expressions, "§Step Object" read Error, SAID;
    AsyncapiVersion = "asyncapi-version", References, "§Source Description Object";
    BareJsonExpression = "bare-json-expression", Expressions, "§Request Body Object" read Error, SILENT;
    BareToken = "bare-token", Secrets, "§Parameter Object";
    BareWord = "bare-word", Expressions, "§Criterion Object" read Error, SAID;
    BodyNotJson = "body-not-json", Data, "§Runtime Expressions";
    BooleanRequired = "boolean-required", Data, "§Workflow Object" read Error, REFUSED;
    BracedCondition = "braced-condition", Expressions, "§Criterion Object" read Error, SAID;
    BrokenReference = "broken-reference", References, "§Components Object";
    ComponentName = "component-name", Structure, "§Components Object";
    ConditionSyntax = "condition-syntax", Expressions, "§Criterion Object";
    ConnectionHeader = "connection-header", Data, "§Parameter Object" read Error, SAID;
    ConstantCondition = "constant-condition", Expressions, "§Criterion Object" read Warning, SAID;
    ContractDeparted = "contract-departed", Data, "§Step Object";
    ContractNotChecked = "contract-not-checked", Data, "§Step Object";
    CriterionAsText = "criterion-as-text", Structure, "§Criterion Object" read Error, REFUSED;
    DependencyCycle = "dependency-cycle", Flow, "§Workflow Object";
    DependsOnExpression = "depends-on-expression", References, "§Step Object" read Error, REFUSED;
    DependsOnNeverRuns = "depends-on-never-runs", Flow, "§Step Dependencies and Execution Order";
    DialectWord = "dialect-word", Expressions, "§Runtime Expressions" read Error, REFUSED;
    DocumentNotFound = "document-not-found", Structure, "§Format";
    DocumentTooDeep = "document-too-deep", Structure, "§Format";
    DocumentTooLarge = "document-too-large", Structure, "§Format";
    DottedBody = "dotted-body", Expressions, "§Runtime Expressions" read Error, REFUSED;
    DottedOutput = "dotted-output", Expressions, "§Runtime Expressions" read Error, SAID;
    DoubleQuotedLiteral = "double-quoted-literal", Expressions, "§Criterion Object" read Error, SAID;
    DuplicateAction = "duplicate-action", Structure, "§Step Object" read Error, REFUSED;
    DuplicateCriterion = "duplicate-criterion", Structure, "§Step Object" read Error, SAID;
    DuplicateKey = "duplicate-key", Structure, "§Format";
    DuplicateName = "duplicate-name", Structure, "§Step Object";
    DuplicateParameter = "duplicate-parameter", Structure, "§Step Object";
    EmptyList = "empty-list", Structure, "§Step Object";
    EmptyListField = "empty-list-field", Structure, "§Step Object" read Error, REFUSED;
    EndWithMissingOutputs = "end-with-missing-outputs", Flow, "§Success Action Object";
    EndlessRecursion = "endless-recursion", Flow, "§Step Object";
    EntryAsList = "entry-as-list", Structure, "§Step Object" read Error, REFUSED;
    ExpressionAsKey = "expression-as-key", Expressions, "§Request Body Object" read Error, SILENT;
    ExpressionSyntax = "expression-syntax", Expressions, "§Runtime Expressions";
    ExpressionWithoutDollar = "expression-without-dollar", Expressions, "§Runtime Expressions";
    FileRefused = "file-refused", References, "§Source Description Object";
    FirstMessageDecides = "first-message-decides", Flow, "§Defining Success for Asynchronous Steps";
    ForeignPlaceholder = "foreign-placeholder", Expressions, "§Runtime Expressions" read Error, SILENT;
    IdOutsidePattern = "id-outside-pattern", Style, "§Step Object";
    InputAsText = "input-as-text", Data, "§Parameter Object" read Error, REFUSED;
    InputsAsMap = "inputs-as-map", Structure, "§Workflow Object" read Error, SAID;
    InsecureHost = "insecure-host", Secrets, "§Source Description Object";
    InvalidAddress = "invalid-address", Data, "§Source Description Object";
    InvalidBinding = "invalid-binding", Data, "§Source Description Object";
    InvalidInput = "invalid-input", Data, "§Workflow Object";
    InvalidInputSchema = "invalid-input-schema", Structure, "§Workflow Object";
    InvalidSelf = "invalid-self", Structure, "§Arazzo Specification Object" read Error, REFUSED;
    JsonSyntax = "json-syntax", Structure, "§Format";
    JsonpathComparison = "jsonpath-comparison", Expressions, "§Criterion Object" read Error, SAID;
    JsonpathDialect = "jsonpath-dialect", Expressions, "§Expression Type Object" read Error, SAID;
    JsonpathFilterOnObject = "jsonpath-filter-on-object", Expressions, "§Criterion Object" read Error, SILENT;
    JsonpathSyntax = "jsonpath-syntax", Expressions, "§Criterion Object";
    LateSubscription = "late-subscription", Flow, "§Defining Success for Asynchronous Steps";
    LeadingZeroNumber = "leading-zero-number", Structure, "§Format" read Warning, SILENT;
    LiteralOutput = "literal-output", Expressions, "§Step Object" read Error, REFUSED;
    LiteralSecret = "literal-secret", Secrets, "§Parameter Object";
    MessageMismatch = "message-mismatch", Data, "§Step Object";
    MessageOfOpenapi = "message-of-openapi", References, "§Step Object" read Error, REFUSED;
    MisplacedField = "misplaced-field", Structure, "§Failure Action Object";
    MisplacedParameter = "misplaced-parameter", Data, "§Parameter Object";
    MissingActionName = "missing-action-name", Structure, "§Failure Action Object" read Error, REFUSED;
    MissingCredentials = "missing-credentials", Secrets, "§Step Object";
    MissingDescription = "missing-description", Style, "§Step Object";
    MissingField = "missing-field", Structure, "§Criterion Object";
    MissingInfo = "missing-info", Structure, "§Info Object" read Error, REFUSED;
    MissingInput = "missing-input", Data, "§Workflow Object";
    MissingMember = "missing-member", Data, "§Request Body Object";
    MissingOutputsWord = "missing-outputs-word", Expressions, "§Runtime Expressions" read Error, SAID;
    MissingRequiredParameter = "missing-required-parameter", Data, "§Parameter Object" read Error, SAID;
    NameOutsideGrammar = "name-outside-grammar", Expressions, "§Runtime Expressions" read Error, REFUSED;
    NeverMet = "never-met", Flow, "§Criterion Object";
    NewerForm = "newer-form", Structure, "§Arazzo Specification Object" read Error, REFUSED;
    NoBody = "no-body", Data, "§Runtime Expressions";
    NoCorrelationPlace = "no-correlation-place", Data, "§Step Object" read Error, REFUSED;
    NoMessageHeaders = "no-message-headers", Data, "§Parameter Object";
    NotAnArazzoDocument = "not-an-arazzo-document", Structure, "§Arazzo Specification Object";
    NotJson = "not-json", Structure, "§Format";
    NotUtf8 = "not-utf8", Structure, "§Format";
    OperationAsChannel = "operation-as-channel", References, "§Step Object" read Error, REFUSED;
    OperationIdCase = "operation-id-case", References, "§Step Object" read Error, REFUSED;
    OperationPathForm = "operation-path-form", References, "§Step Object" read Error, REFUSED;
    OptionalInputInText = "optional-input-in-text", Expressions, "§Runtime Expressions" read Warning, SAID;
    OutputAsObject = "output-as-object", Structure, "§Step Object" read Error, REFUSED;
    OutputsAsList = "outputs-as-list", Structure, "§Step Object" read Error, REFUSED;
    OwnOutputInCriterion = "own-output-in-criterion", Flow, "§Step Object" read Warning, SAID;
    ParameterNameCase = "parameter-name-case", Data, "§Parameter Object" read Error, REFUSED;
    PayloadSyntax = "payload-syntax", Expressions, "§Request Body Object";
    PermissionRefused = "permission-refused", Secrets, "§Security Considerations";
    PlaceOfWorkflowParameter = "place-of-workflow-parameter", Data, "§Parameter Object" read Error, SAID;
    PlainSecret = "plain-secret", Secrets, "§Workflow Object";
    PluralHeaders = "plural-headers", Expressions, "§Runtime Expressions" read Error, REFUSED;
    PointerSyntax = "pointer-syntax", Expressions, "§Payload Replacement Object";
    ProseAfterExpression = "prose-after-expression", Expressions, "§Runtime Expressions" read Error, SILENT;
    QueryAfterOutput = "query-after-output", Expressions, "§Runtime Expressions" read Error, REFUSED;
    QuotedExpression = "quoted-expression", Expressions, "§Runtime Expressions" read Error, SILENT;
    QuotedNumber = "quoted-number", Structure, "§Failure Action Object" read Error, REFUSED;
    ReceiveWithoutTimeout = "receive-without-timeout", Flow, "§Step Object";
    ReferenceAsName = "reference-as-name", Structure, "§Reusable Object" read Error, REFUSED;
    RegexDelimiters = "regex-delimiters", Expressions, "§Criterion Object" read Error, SILENT;
    RegexSyntax = "regex-syntax", Expressions, "§Criterion Object";
    RequiredNotDeclared = "required-not-declared", Data, "§Workflow Object";
    RetryCircle = "retry-circle", Flow, "§Failure Action Object";
    RootRelativeSource = "root-relative-source", References, "§Source Description Object" read Error, REFUSED;
    SecretInOutput = "secret-in-output", Secrets, "§Workflow Object";
    ServerQuery = "server-query", References, "OpenAPI, §Server Object" read Error, SAID;
    SeveralDocuments = "several-documents", Structure, "§Format";
    SeveralServers = "several-servers", References, "§Source Description Object";
    SeveralTargets = "several-targets", Structure, "§Step Object";
    ShadowedAction = "shadowed-action", Flow, "§Step Object";
    ShortSecret = "short-secret", Secrets, "§Workflow Object" read Warning, SAID;
    SourceDotOperation = "source-dot-operation", References, "§Step Object" read Error, REFUSED;
    SourceNotFound = "source-not-found", References, "§Source Description Object";
    SourceRefused = "source-refused", References, "§Source Description Object";
    StatusAsText = "status-as-text", Data, "§Criterion Object";
    SuccessRetry = "success-retry", Structure, "§Success Action Object" read Error, REFUSED;
    TestFile = "test-file", Structure, "§Format";
    TooManyDependencies = "too-many-dependencies", Flow, "§Workflow Object";
    TooManyDocuments = "too-many-documents", References, "§Source Description Object";
    TooManyFaults = "too-many-faults", Structure, "§Format";
    UnbracedExpression = "unbraced-expression", Expressions, "§Runtime Expressions" read Error, SILENT;
    UndeclaredBody = "undeclared-body", Data, "§Request Body Object";
    UndeclaredContentType = "undeclared-content-type", Data, "§Request Body Object";
    UndeclaredInput = "undeclared-input", References, "§Workflow Object";
    UndeclaredParameter = "undeclared-parameter", Data, "§Parameter Object" read Error, SILENT;
    UndocumentedStatus = "undocumented-status", Data, "§Criterion Object";
    UnknownChannel = "unknown-channel", References, "§Step Object";
    UnknownCharset = "unknown-charset", Data, "§Runtime Expressions";
    UnknownComponent = "unknown-component", References, "§Reusable Object";
    UnknownField = "unknown-field", Structure, "§Specification Extensions" read Error, SAID;
    UnknownFieldOfSource = "unknown-field-of-source", References, "§Runtime Expressions";
    UnknownInput = "unknown-input", References, "§Runtime Expressions";
    UnknownMember = "unknown-member", Data, "§Runtime Expressions";
    UnknownMessage = "unknown-message", References, "§Step Object";
    UnknownOperationId = "unknown-operation-id", References, "§Step Object";
    UnknownOperationPath = "unknown-operation-path", References, "§Step Object";
    UnknownOutput = "unknown-output", References, "§Runtime Expressions";
    UnknownParameter = "unknown-parameter", Data, "§Parameter Object";
    UnknownRoot = "unknown-root", Expressions, "§Runtime Expressions";
    UnknownServer = "unknown-server", References, "§Source Description Object";
    UnknownSource = "unknown-source", References, "§Source Description Object";
    UnknownStep = "unknown-step", References, "§Step Object";
    UnknownStyle = "unknown-style", Data, "§Parameter Object";
    UnknownValue = "unknown-value", Structure, "§Failure Action Object";
    UnknownVersion = "unknown-version", Structure, "§Versions" read Warning, SAID;
    UnknownWorkflow = "unknown-workflow", References, "§Step Object";
    UnpacedLoop = "unpaced-loop", Flow, "§Success Action Object";
    UnqualifiedOperationId = "unqualified-operation-id", References, "§Step Object" read Error, SAID;
    UnquotedText = "unquoted-text", Structure, "§Format" read Error, REFUSED;
    UnreachableReference = "unreachable-reference", Flow, "§Runtime Expressions";
    UnreachableStep = "unreachable-step", Flow, "§Success Action Object";
    UnsafePath = "unsafe-path", References, "OpenAPI, §Paths Object";
    UnsafeValue = "unsafe-value", Data, "§Parameter Object";
    UnsupportedProtocol = "unsupported-protocol", References, "§Source Description Object";
    UnsupportedSchemaFormat = "unsupported-schema-format", Data, "§Source Description Object";
    UnusedIgnore = "unused-ignore", Structure, "§Format";
    UnusedName = "unused-name", Style, "§Workflow Object";
    ValueMismatch = "value-mismatch", Data, "§Parameter Object";
    WorkflowStepOutput = "workflow-step-output", Expressions, "§Runtime Expressions" read Error, REFUSED;
    WrongKindOfSource = "wrong-kind-of-source", References, "§Source Description Object";
    WrongType = "wrong-type", Structure, "§Step Object";
    XmlObject = "xml-object", Data, "§Request Body Object" read Error, SAID;
    XpathSyntax = "xpath-syntax", Expressions, "§Criterion Object";
    YamlAlias = "yaml-alias", Structure, "§Format";
    YamlKey = "yaml-key", Structure, "§Format";
    YamlMergeKey = "yaml-merge-key", Structure, "§Format" read Error, SILENT;
    YamlSyntax = "yaml-syntax", Structure, "§Format";
    YamlTag = "yaml-tag", Structure, "§Format";
}

impl Code {
    /// `true` for a text that is not of its language.
    #[must_use]
    pub const fn is_syntax(self) -> bool {
        matches!(
            self,
            Self::ConditionSyntax
                | Self::ExpressionSyntax
                | Self::JsonSyntax
                | Self::JsonpathSyntax
                | Self::PayloadSyntax
                | Self::PointerSyntax
                | Self::RegexSyntax
                | Self::XpathSyntax
                | Self::YamlSyntax
        )
    }

    /// `true` for what a policy refused.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::FileRefused | Self::SourceRefused | Self::PermissionRefused)
    }
}

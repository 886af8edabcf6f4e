//! The known differences: what Jaeger's two memory stores do, and spoor does not.

use std::fmt;

/// Of a store that is asked: those of its answers from spoor's.
#[derive(Clone, Debug)]
pub struct Rules(Vec<Difference>);

impl Rules {
    /// Those of spoor, which differs in nothing from itself.
    pub const SPOOR: Self = Self(Vec::new());

    pub fn of(differences: &[Difference]) -> Self {
        Self(differences.to_vec())
    }

    pub fn without(&self, difference: Difference) -> Self {
        Self(self.0.iter().copied().filter(|one| *one != difference).collect())
    }

    pub fn has(&self, difference: Difference) -> bool {
        self.0.contains(&difference)
    }
}

macro_rules! differences {
    ($($name:ident: $told:literal,)*) => {
        /// A difference, by its name in the documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Difference {
            $(#[doc = $told] $name,)*
        }

        impl fmt::Display for Difference {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $told,)* })
            }
        }
    };
}

// What Jaeger does, as docs/differences.md has it.
differences! {
    // Which traces a search answers with.
    DepthRequired: "`search_depth` at or below zero is an error",
    DepthUnlimited: "`search_depth` at or below zero is no limit",
    NewestWritten: "the traces first written last come first, and `search_depth` keeps them",
    NewestByFirstSpan: "no order; `search_depth` keeps the traces whose first written span starts last",
    ServiceRequired: "no `service_name` means spans without a service",
    ReversedRange: "a range whose end lies before its start is empty",
    // What an attribute asks for.
    ErrorAsText: "`error` with a text, as Jaeger's own query service sends it, is read as `false`",
    ErrorFalseMeansOk: "`error` with `false` wants the status Ok, not any but Error",
    ErrorIsAttribute: "`error` is an attribute, which failed spans have beside their own",
    SpanFields: "`span.status` and `span.kind` are attributes",
    ScopeFields: "`scope.name` and `scope.version` are attributes",
    ResourcePrefix: "`resource.` is a part of the key",
    NoLinkAttributes: "attributes of links are not searched",
    NoScopeAttributes: "attributes of scopes are not searched",
    FirstOfAKey: "of attributes with one key, the first one counts",
    LastAskedOfAKey: "of conditions with one key, the last one counts",
    NoValueNoCondition: "a condition without a value is left out",
    BytesAsHex: "bytes are compared as hexadecimal digits",
    TenDigits: "a floating-point number is compared by ten digits",
    FieldsAsTags: "name and version of the scope, kind, status, trace state and event names are attributes, `service.name` is none",
    // What comes back.
    NoTimes: "found ids come without times",
    NoFindTraceIds: "`FindTraceIDs` is not implemented",
    RepeatedIds: "a trace asked for twice comes twice",
    SchemaUrlsLost: "schema URLs are lost",
    EmptyForAbsent: "an absent resource, scope, status or value comes back as an empty one",
    Converted: "a span comes back converted to Jaeger's older model and from it",
    BadSpansKept: "a span without an id is kept",
    // Lists.
    KindsAsWritten: "kinds of operations are compared as they are written, unknown ones too",
    UnnamedServices: "a missing service name is a service: `\"\"`, or `OTLPResourceNoServiceName` if the resource has no attributes",
    // Dependencies.
    DependencyStartRequired: "no start, or an end before it, is an error",
    DependencyEndRequired: "no end finds nothing",
    CallsOfWholeTraces: "the calls of traces that begin after the start and end before the end count, the bounds left out",
    CallsOfAnySpan: "all calls of a trace count of which any span starts between the bounds, themselves left out",
    CallsToOneself: "calls inside of one service count",
    CallsOfUnnamed: "calls from and to spans without a service name count",
}

use Difference::*;

/// Of Jaeger 2.13's memory store, which keeps OTLP (`internal/storage/v2/memory`).
pub const OF_JAEGER: &[Difference] = &[
    DepthRequired,
    NewestWritten,
    ReversedRange,
    ErrorAsText,
    ErrorFalseMeansOk,
    SpanFields,
    ScopeFields,
    ResourcePrefix,
    NoLinkAttributes,
    FirstOfAKey,
    LastAskedOfAKey,
    NoValueNoCondition,
    NoTimes,
    RepeatedIds,
    SchemaUrlsLost,
    EmptyForAbsent,
    BadSpansKept,
    KindsAsWritten,
    DependencyStartRequired,
    CallsOfWholeTraces,
    CallsToOneself,
    CallsOfUnnamed,
];

/// Of `remote-storage` 1.76, whose memory store keeps Jaeger's older model behind a conversion
/// (`internal/storage/v1/memory`, `internal/storage/v2/v1adapter`).
pub const OF_REMOTE_STORAGE: &[Difference] = &[
    DepthUnlimited,
    NewestByFirstSpan,
    ServiceRequired,
    ReversedRange,
    ErrorIsAttribute,
    SpanFields,
    ScopeFields,
    ResourcePrefix,
    NoLinkAttributes,
    NoScopeAttributes,
    LastAskedOfAKey,
    NoValueNoCondition,
    BytesAsHex,
    TenDigits,
    FieldsAsTags,
    NoFindTraceIds,
    RepeatedIds,
    Converted,
    BadSpansKept,
    KindsAsWritten,
    UnnamedServices,
    DependencyEndRequired,
    CallsOfAnySpan,
    CallsOfUnnamed,
];

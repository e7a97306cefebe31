//! The keys that the file has: what the reader asks for, and what the schema says.

use super::script::keys as script;

/// A table of the file.
pub(crate) struct Section {
    /// How messages call it.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

/// A key of a table.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) value: Value,
    pub(crate) required: bool,
}

/// What a key takes.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// The number 1.
    One,
    Text,
    Flag,
    DenyAt,
    Log,
    DnsMode,
    LoopbackMode,
    OnDeadlock,
    /// A denial; of lookups, or of any operation.
    Denial,
    LookupDenial,
    Operations,
    Protocol,
    /// Addresses, prefixes, ranges and names.
    Targets,
    Ports,
    /// One address, or a list of them.
    Addresses,
    /// Hosts by name.
    Hosts,
    /// Denials by operation.
    ByOperation,
    Section(&'static Section),
    Rules(&'static Section),
    /// One of a few words.
    OneOf(fn() -> Vec<&'static str>),
    /// A number that is not less and not more.
    Number(u64, u64),
    /// A text, or a list of them.
    Texts,
    /// Always true.
    True,
    /// A number, or true for the usual one.
    Amount,
    /// A time with its unit.
    Time,
    /// How often: `2`, `"1+"`, `"1-3"`.
    Count,
    /// Bytes, in any of their spellings.
    Bytes,
    /// A number of bytes, or the number in front of them.
    Length,
    /// Numbers of bytes.
    Lengths,
    /// What a name answers later.
    Found,
    /// Steps of a script.
    Steps,
}

pub(super) const fn key(name: &'static str, value: Value, about: &'static str) -> Key {
    Key {
        name,
        about,
        value,
        required: false,
    }
}

pub(super) const fn required(name: &'static str, value: Value, about: &'static str) -> Key {
    Key {
        required: true,
        ..key(name, value, about)
    }
}

pub(crate) const FILE: Section = Section {
    name: "the file",
    about: "What a component that sockvirt composes may reach.",
    keys: &[
        required("schema", Value::One, "The version of the format."),
        key("policy", Value::Section(&POLICY), POLICY.about),
        key("dns", Value::Section(&DNS), DNS.about),
        key("loopback", Value::Section(&LOOPBACK), LOOPBACK.about),
        key("allow", Value::Rules(&ALLOW), ALLOW.about),
        key("deny", Value::Rules(&DENY), DENY.about),
        key("redirect", Value::Rules(&REDIRECT), REDIRECT.about),
        key("clock", Value::Section(&script::CLOCK), script::CLOCK.about),
        key("peer", Value::Rules(&script::PEER), script::PEER.about),
        key(
            "client",
            Value::Rules(&script::CLIENT),
            script::CLIENT.about,
        ),
        key(
            "report",
            Value::Section(&script::REPORT),
            script::REPORT.about,
        ),
    ],
};

pub(crate) const POLICY: Section = Section {
    name: "`[policy]`",
    about: "What holds of all rules.",
    keys: &[
        key(
            "deny-as",
            Value::Denial,
            "How what no rule allows ends: `access-denied` unless set, or `trap`.",
        ),
        key(
            "deny-as-for",
            Value::ByOperation,
            "How single operations of sockets end instead.",
        ),
        key(
            "deny-at",
            Value::DenyAt,
            "Where a protocol ends that no rule allows.",
        ),
        key("log", Value::Log, "Which decisions are logged."),
    ],
};

pub(crate) const DNS: Section = Section {
    name: "`[dns]`",
    about: "How names are looked up.",
    keys: &[
        key("mode", Value::DnsMode, "How names become addresses."),
        key(
            "deny-as",
            Value::LookupDenial,
            "How denied lookups end: `permanent-resolver-failure` unless set.",
        ),
        key(
            "range",
            Value::Text,
            "The IPv4 addresses that stand for names: `198.18.0.0/15` unless set.",
        ),
        key(
            "hosts",
            Value::Hosts,
            "Names that are answered inside and never asked of the host.",
        ),
    ],
};

pub(crate) const HOST: Section = Section {
    name: "the host",
    about: "What a name answers.",
    keys: &[
        key("answer", Value::Addresses, "Its addresses."),
        key("fail", Value::LookupDenial, "How looking it up ends."),
        key(
            "times",
            Value::Number(1, u32::MAX as u64),
            "How often it answers that before `then`: 1 unless set.",
        ),
        key("then", Value::Found, "What it answers from then on."),
        key("delay", Value::Time, "How long a lookup takes."),
    ],
};

/// What a name answers later.
pub(crate) const LATER: Section = Section {
    name: "`then`",
    about: "What a name answers later.",
    keys: &[
        key("answer", Value::Addresses, "Its addresses."),
        key("fail", Value::LookupDenial, "How looking it up ends."),
    ],
};

pub(crate) const LOOPBACK: Section = Section {
    name: "`[loopback]`",
    about: "Where 127.0.0.0/8 and ::1 are.",
    keys: &[
        key(
            "mode",
            Value::LoopbackMode,
            "`host`: rules decide, as for any special range. `virtual`: on a network in memory.",
        ),
        key(
            "on-deadlock",
            Value::OnDeadlock,
            "What becomes of a program that waits for what can never happen in memory: `trap`, \
             unless set, or `hang`.",
        ),
    ],
};

const ID: Key = key("id", Value::Text, "How logs and `explain` call the rule.");
const OP: Key = key(
    "op",
    Value::Operations,
    "The operations that the rule is about: `connect` unless set.",
);
const PROTO: Key = key("proto", Value::Protocol, "The protocol; both unless set.");
const PORT: Key = key(
    "port",
    Value::Ports,
    "A number, `\"a-b\"`, a list of them, or `\"*\"`; only rules about `resolve` alone have none.",
);
const WIDE: Key = key(
    "wide",
    Value::Flag,
    "Whether a pattern may have every name below a public suffix.",
);

pub(crate) const ALLOW: Section = Section {
    name: "the rule",
    about: "What is allowed.",
    keys: &[
        ID,
        OP,
        PROTO,
        required(
            "to",
            Value::Targets,
            "Destinations, or local addresses for `bind` and `listen`.",
        ),
        PORT,
        key("except", Value::Targets, "What the rule does not allow."),
        key("from", Value::Targets, "Who may be accepted."),
        key(
            "resolves-to",
            Value::Targets,
            "Where the addresses of a name must lie.",
        ),
        WIDE,
    ],
};

pub(crate) const DENY: Section = Section {
    name: "the rule",
    about: "What is denied, whatever allows it.",
    keys: &[
        ID,
        OP,
        PROTO,
        required(
            "to",
            Value::Targets,
            "Destinations, or local addresses for `bind` and `listen`.",
        ),
        PORT,
        key("deny-as", Value::Denial, "How it ends."),
    ],
};

pub(crate) const REDIRECT: Section = Section {
    name: "the rule",
    about: "What leads elsewhere.",
    keys: &[
        ID,
        required(
            "from",
            Value::Text,
            "What is asked for, as `tcp://metrics.internal:9000`.",
        ),
        required("to", Value::Text, "Where it leads, as `127.0.0.1:19000`."),
        WIDE,
    ],
};

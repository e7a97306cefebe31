//! The keys of a script.

use super::limits::{FRAME, REPEAT};
use super::words::{self, all};
use crate::file::keys::{Key, Section, Value, key, required};

pub(crate) const CLOCK: Section = Section {
    name: "`[clock]`",
    about: "What time it is for the program.",
    keys: &[key(
        "mode",
        Value::OneOf(|| all(&words::CLOCKS)),
        "`virtual`, unless set: time passes when everything waits. `host`: on the host's clock.",
    )],
};

pub(crate) const REPORT: Section = Section {
    name: "`[report]`",
    about: "What is a failure, and what becomes of the program then.",
    keys: &[
        key(
            "strict",
            Value::Flag,
            "Whether all that the script does not say is a failure: true unless set.",
        ),
        key(
            "on-mismatch",
            Value::OneOf(|| all(&words::MISMATCHES)),
            "What the first mismatch ends: the connection, with `reset`, unless set; or the program, \
             with `trap`.",
        ),
        key(
            "when-done",
            Value::OneOf(|| all(&words::ENDS)),
            "Whether the program ends with its last client: `exit` where there are clients, unless \
             set; or `stay`.",
        ),
    ],
};

const NAME: Key = key("name", Value::Text, "How reports call it.");
const CONNECTIONS: Key = key(
    "connections",
    Value::Count,
    "How many connections there are: `1+` unless set. Only with `on` and `service`.",
);

pub(crate) const PEER: Section = Section {
    name: "the peer",
    about: "Somebody whom the program connects to, or sends datagrams to.",
    keys: &[
        NAME,
        required(
            "at",
            Value::Texts,
            "Where it is: `tcp://HOST:PORT` or `udp://HOST:PORT`, or a list of them.",
        ),
        key(
            "connection",
            Value::Rules(&CONNECTION),
            "Its connections, in the order in which they are made.",
        ),
        key(
            "script",
            Value::Steps,
            "What happens in its one connection.",
        ),
        key(
            "on",
            Value::Rules(&ON),
            "What it answers to what, in no order.",
        ),
        key(
            "service",
            Value::OneOf(|| all(&words::SERVICES)),
            "What it does with whatever comes.",
        ),
        CONNECTIONS,
    ],
};

pub(crate) const CONNECTION: Section = Section {
    name: "the connection",
    about: "One connection, or several alike. Over UDP it is a socket of the program's.",
    keys: &[
        key(
            "accept",
            Value::OneOf(|| all(&words::ACCEPTS)),
            "How it begins: `now` unless set.",
        ),
        key("after", Value::Time, "How long that takes."),
        key("repeat", Value::Count, "How many there are: 1 unless set."),
        key("script", Value::Steps, "What happens in it."),
    ],
};

pub(crate) const ON: Section = Section {
    name: "the answer",
    about: "What comes, and what is answered. Of several that fit, the first one counts.",
    keys: &[
        required("when", Value::Section(&WHEN), WHEN.about),
        required("reply", Value::Steps, "What happens then."),
        key("times", Value::Count, "How often: `1+` unless set."),
    ],
};

const MAX: Key = key(
    "max",
    Value::Number(1, FRAME),
    "How many bytes there may be, with the delimiter: 65536 unless set.",
);
const MATCHES: Key = key(
    "matches",
    Value::Text,
    "A regular expression that matches somewhere in it.",
);
const CONTAINS: Key = key("contains", Value::Bytes, "What is in it.");
const CAPTURE: Key = key(
    "capture",
    Value::Text,
    "The name to keep it under, without what marks its end or counts it.",
);

pub(crate) const WHEN: Section = Section {
    name: "`when`",
    about: "What comes: one of `until`, `len`, `exactly` and `any`, and what must hold of it.",
    keys: &[
        key(
            "until",
            Value::Bytes,
            "Bytes up to and with this delimiter.",
        ),
        key(
            "len",
            Value::Length,
            "So many bytes, or as many as a number in front of them says.",
        ),
        key("exactly", Value::Bytes, "These bytes."),
        key("any", Value::True, "One datagram, or whatever comes next."),
        MAX,
        MATCHES,
        CONTAINS,
        CAPTURE,
    ],
};

pub(crate) const PREFIX: Section = Section {
    name: "the prefix",
    about: "A number in front of bytes.",
    keys: &[
        required(
            "prefix",
            Value::OneOf(|| all(&words::PREFIXES)),
            "How the number is written.",
        ),
        key(
            "max",
            Value::Number(1, FRAME),
            "How large it may be: 65536 unless set, or what fits.",
        ),
    ],
};

pub(crate) const CLIENT: Section = Section {
    name: "the client",
    about: "Somebody who connects to the program, or sends datagrams to it.",
    keys: &[
        NAME,
        required(
            "to",
            Value::Text,
            "Where the program listens, such as `tcp://0.0.0.0:8080`.",
        ),
        key(
            "from",
            Value::Text,
            "Where it connects from, such as `203.0.113.9:40001`.",
        ),
        required("script", Value::Steps, "What it does."),
    ],
};

pub(super) const EXPECT: Section = Section {
    name: "the step `expect`",
    about: "Exactly these bytes are next.",
    keys: &[required("expect", Value::Bytes, "The bytes.")],
};

pub(super) const EXPECT_UNTIL: Section = Section {
    name: "the step `expect-until`",
    about: "Bytes come, up to and with a delimiter.",
    keys: &[
        required("expect-until", Value::Bytes, "The delimiter."),
        MAX,
        MATCHES,
        CONTAINS,
        CAPTURE,
    ],
};

pub(super) const EXPECT_LEN: Section = Section {
    name: "the step `expect-len`",
    about: "So many bytes come, or as many as a number in front of them says.",
    keys: &[
        required("expect-len", Value::Length, "How many."),
        MATCHES,
        CONTAINS,
        CAPTURE,
    ],
};

pub(super) const EXPECT_ANY: Section = Section {
    name: "the step `expect-any`",
    about: "One datagram comes, or whatever arrives next.",
    keys: &[
        required("expect-any", Value::True, "Always true."),
        MATCHES,
        CONTAINS,
        CAPTURE,
    ],
};

pub(super) const EXPECT_CLOSE: Section = Section {
    name: "the step `expect-close`",
    about: "The program ends its side of the connection.",
    keys: &[required(
        "expect-close",
        Value::OneOf(|| all(&words::CLOSES)),
        "How it does.",
    )],
};

pub(super) const EXPECT_NOTHING: Section = Section {
    name: "the step `expect-nothing`",
    about: "Nothing comes.",
    keys: &[required("expect-nothing", Value::Time, "For so long.")],
};

const LOST: Key = key(
    "drop",
    Value::Amount,
    "How many datagrams are lost; true is 1.",
);
const TWICE: Key = key(
    "duplicate",
    Value::Amount,
    "How many datagrams come twice; true is 1.",
);
const TURNED: Key = key(
    "reorder",
    Value::Amount,
    "How many datagrams come in the opposite order; true is 2.",
);
const SPOILT: Key = key(
    "corrupt",
    Value::Amount,
    "How many datagrams come with the bits of their last byte turned round; true is 1.",
);

pub(super) const SEND: Section = Section {
    name: "the step `send`",
    about: "Bytes are sent.",
    keys: &[
        required("send", Value::Bytes, "The bytes."),
        key(
            "segment",
            Value::Number(1, FRAME),
            "How long the pieces are that they are cut into.",
        ),
        key(
            "segments",
            Value::Lengths,
            "How long each piece is; the rest is the last one.",
        ),
        key("gap", Value::Time, "How much time lies between two pieces."),
        LOST,
        TWICE,
        TURNED,
        SPOILT,
    ],
};

pub(super) const WINDOW: Section = Section {
    name: "the step `window`",
    about: "The program can send only so many bytes ahead.",
    keys: &[required("window", Value::Number(0, FRAME), "How many.")],
};

pub(super) const CLOSE: Section = Section {
    name: "the step `close`",
    about: "The peer ends its side of the connection.",
    keys: &[required(
        "close",
        Value::OneOf(|| all(&words::DIRECTIONS)),
        "Which way.",
    )],
};

pub(super) const RESET: Section = Section {
    name: "the step `reset`",
    about: "The peer resets the connection.",
    keys: &[required("reset", Value::True, "Always true.")],
};

pub(super) const HANG: Section = Section {
    name: "the step `hang`",
    about: "Nothing ever happens again.",
    keys: &[required("hang", Value::True, "Always true.")],
};

pub(super) const WAIT: Section = Section {
    name: "the step `wait`",
    about: "Time passes.",
    keys: &[required("wait", Value::Time, "How much.")],
};

pub(super) const SIGNAL: Section = Section {
    name: "the step `signal`",
    about: "A gate opens.",
    keys: &[required("signal", Value::Text, "Its name.")],
};

pub(super) const AWAIT: Section = Section {
    name: "the step `await`",
    about: "What follows waits for a gate.",
    keys: &[required("await", Value::Text, "Its name.")],
};

pub(super) const DROP: Section = Section {
    name: "the step `drop`",
    about: "Something becomes of the next datagrams, whichever way they go.",
    keys: &[Key {
        required: true,
        ..LOST
    }],
};

pub(super) const DUPLICATE: Section = Section {
    name: "the step `duplicate`",
    about: "Something becomes of the next datagrams, whichever way they go.",
    keys: &[Key {
        required: true,
        ..TWICE
    }],
};

pub(super) const REORDER: Section = Section {
    name: "the step `reorder`",
    about: "Something becomes of the next datagrams, whichever way they go.",
    keys: &[Key {
        required: true,
        ..TURNED
    }],
};

pub(super) const CORRUPT: Section = Section {
    name: "the step `corrupt`",
    about: "Something becomes of the next datagrams, whichever way they go.",
    keys: &[Key {
        required: true,
        ..SPOILT
    }],
};

pub(super) const LOOP: Section = Section {
    name: "the step `repeat`",
    about: "Steps happen several times.",
    keys: &[
        required("repeat", Value::Number(1, REPEAT), "How often."),
        required("steps", Value::Steps, "The steps."),
    ],
};

/// Bytes that are not written as text.
pub(crate) const BYTES: Section = Section {
    name: "the bytes",
    about: "One of `hex`, `b64`, `file`, `fill` with `len`, and `ref`.",
    keys: &[
        key("hex", Value::Text, "In base 16, with spaces anywhere."),
        key("b64", Value::Text, "In base 64."),
        key(
            "file",
            Value::Text,
            "What is in a file, by its path from the script's folder.",
        ),
        key(
            "fill",
            Value::Text,
            "The same bytes again and again, in base 16.",
        ),
        key(
            "len",
            Value::Number(0, super::limits::FILL),
            "How many bytes `fill` makes.",
        ),
        key("ref", Value::Text, "What was captured under a name."),
    ],
};

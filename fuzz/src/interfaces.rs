//! Interfaces as WASI defines them, in short, and some of our own.

/// An interface. Types of values are in the text format, where `$` and a name mean a type that the
/// interface defines or uses.
pub(crate) struct Interface {
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
    /// The minor version of WASI that it is of.
    pub(crate) minor: u8,
    /// The interface that a type comes from, as its package and name, and the type.
    pub(crate) uses: &'static [(&'static str, &'static [&'static str])],
    /// Names and definitions; [`RESOURCE`] is that of a resource. A name that begins with `=` is not
    /// exported.
    pub(crate) types: &'static [(&'static str, &'static str)],
    /// Functions as `NAME(PARAM: TYPE, ...) -> RESULT`. `self` of methods is left out.
    pub(crate) functions: &'static [&'static str],
}

impl Interface {
    /// Its name with that of its package.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.package, self.name)
    }
}

/// The definition of a resource.
pub(crate) const RESOURCE: &str = "(sub resource)";

const ERROR_CODE: &str = r#"(enum "unknown" "access-denied" "not-supported" "invalid-argument"
    "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block"
    "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use"
    "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
    "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
    "permanent-resolver-failure")"#;
const ERROR_CODE_3: &str = r#"(variant (case "access-denied") (case "not-supported")
    (case "invalid-argument") (case "out-of-memory") (case "timeout") (case "invalid-state")
    (case "address-not-bindable") (case "address-in-use") (case "remote-unreachable")
    (case "connection-refused") (case "connection-broken") (case "connection-reset")
    (case "connection-aborted") (case "datagram-too-large") (case "other" (option string)))"#;
const LOOKUP_ERROR_CODE_3: &str = r#"(variant (case "access-denied") (case "invalid-argument")
    (case "name-unresolvable") (case "temporary-resolver-failure")
    (case "permanent-resolver-failure") (case "other" (option string)))"#;
const FAMILY: (&str, &str) = ("ip-address-family", r#"(enum "ipv4" "ipv6")"#);
const IPV4: (&str, &str) = ("ipv4-address", "(tuple u8 u8 u8 u8)");
const IPV6: (&str, &str) = ("ipv6-address", "(tuple u16 u16 u16 u16 u16 u16 u16 u16)");
const ADDRESS: (&str, &str) = (
    "ip-address",
    r#"(variant (case "ipv4" $ipv4-address) (case "ipv6" $ipv6-address))"#,
);
const IPV4_SOCKET: (&str, &str) = (
    "ipv4-socket-address",
    r#"(record (field "port" u16) (field "address" $ipv4-address))"#,
);
const IPV6_SOCKET: (&str, &str) = (
    "ipv6-socket-address",
    r#"(record (field "port" u16) (field "flow-info" u32) (field "address" $ipv6-address)
       (field "scope-id" u32))"#,
);
const SOCKET_ADDRESS: (&str, &str) = (
    "ip-socket-address",
    r#"(variant (case "ipv4" $ipv4-socket-address) (case "ipv6" $ipv6-socket-address))"#,
);

/// The interfaces, each behind those that it uses.
pub(crate) const INTERFACES: [Interface; 22] = [
    Interface {
        package: "wasi:io",
        name: "error",
        minor: 2,
        uses: &[],
        types: &[("error", RESOURCE)],
        functions: &["[method]error.to-debug-string() -> string"],
    },
    Interface {
        package: "wasi:io",
        name: "poll",
        minor: 2,
        uses: &[],
        types: &[("pollable", RESOURCE)],
        functions: &[
            "[method]pollable.ready() -> bool",
            "[method]pollable.block()",
            "poll(in: (list (borrow $pollable))) -> (list u32)",
        ],
    },
    Interface {
        package: "wasi:io",
        name: "streams",
        minor: 2,
        uses: &[
            ("wasi:io/poll", &["pollable"]),
            ("wasi:io/error", &["error"]),
        ],
        types: &[
            ("input-stream", RESOURCE),
            ("output-stream", RESOURCE),
            (
                "stream-error",
                r#"(variant (case "last-operation-failed" (own $error)) (case "closed"))"#,
            ),
        ],
        functions: &[
            "[method]input-stream.read(len: u64) -> (result (list u8) (error $stream-error))",
            "[method]input-stream.blocking-read(len: u64) -> (result (list u8) (error $stream-error))",
            "[method]input-stream.skip(len: u64) -> (result u64 (error $stream-error))",
            "[method]input-stream.blocking-skip(len: u64) -> (result u64 (error $stream-error))",
            "[method]input-stream.subscribe() -> (own $pollable)",
            "[method]output-stream.check-write() -> (result u64 (error $stream-error))",
            "[method]output-stream.write(contents: (list u8)) -> (result (error $stream-error))",
            "[method]output-stream.blocking-write-and-flush(contents: (list u8)) -> (result (error $stream-error))",
            "[method]output-stream.flush() -> (result (error $stream-error))",
            "[method]output-stream.blocking-flush() -> (result (error $stream-error))",
            "[method]output-stream.subscribe() -> (own $pollable)",
            "[method]output-stream.write-zeroes(len: u64) -> (result (error $stream-error))",
            "[method]output-stream.blocking-write-zeroes-and-flush(len: u64) -> (result (error $stream-error))",
            "[method]output-stream.splice(src: (borrow $input-stream), len: u64) -> (result u64 (error $stream-error))",
            "[method]output-stream.blocking-splice(src: (borrow $input-stream), len: u64) -> (result u64 (error $stream-error))",
        ],
    },
    Interface {
        package: "wasi:clocks",
        name: "monotonic-clock",
        minor: 2,
        uses: &[("wasi:io/poll", &["pollable"])],
        types: &[("instant", "u64"), ("duration", "u64")],
        functions: &[
            "now() -> $instant",
            "resolution() -> $duration",
            "subscribe-instant(when: $instant) -> (own $pollable)",
            "subscribe-duration(when: $duration) -> (own $pollable)",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "network",
        minor: 2,
        uses: &[("wasi:io/error", &["error"])],
        types: &[
            ("network", RESOURCE),
            ("error-code", ERROR_CODE),
            FAMILY,
            IPV4,
            IPV6,
            ADDRESS,
            IPV4_SOCKET,
            IPV6_SOCKET,
            SOCKET_ADDRESS,
        ],
        functions: &["network-error-code(err: (borrow $error)) -> (option $error-code)"],
    },
    Interface {
        package: "wasi:sockets",
        name: "instance-network",
        minor: 2,
        uses: &[("wasi:sockets/network", &["network"])],
        types: &[],
        functions: &["instance-network() -> (own $network)"],
    },
    Interface {
        package: "wasi:sockets",
        name: "udp",
        minor: 2,
        uses: &[
            ("wasi:io/poll", &["pollable"]),
            (
                "wasi:sockets/network",
                &[
                    "network",
                    "error-code",
                    "ip-socket-address",
                    "ip-address-family",
                ],
            ),
        ],
        types: &[
            (
                "incoming-datagram",
                r#"(record (field "data" (list u8)) (field "remote-address" $ip-socket-address))"#,
            ),
            (
                "outgoing-datagram",
                r#"(record (field "data" (list u8))
                   (field "remote-address" (option $ip-socket-address)))"#,
            ),
            ("udp-socket", RESOURCE),
            ("incoming-datagram-stream", RESOURCE),
            ("outgoing-datagram-stream", RESOURCE),
        ],
        functions: &[
            "[method]udp-socket.start-bind(network: (borrow $network), local-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]udp-socket.finish-bind() -> (result (error $error-code))",
            "[method]udp-socket.stream(remote-address: (option $ip-socket-address)) -> (result (tuple (own $incoming-datagram-stream) (own $outgoing-datagram-stream)) (error $error-code))",
            "[method]udp-socket.local-address() -> (result $ip-socket-address (error $error-code))",
            "[method]udp-socket.remote-address() -> (result $ip-socket-address (error $error-code))",
            "[method]udp-socket.address-family() -> $ip-address-family",
            "[method]udp-socket.unicast-hop-limit() -> (result u8 (error $error-code))",
            "[method]udp-socket.set-unicast-hop-limit(value: u8) -> (result (error $error-code))",
            "[method]udp-socket.receive-buffer-size() -> (result u64 (error $error-code))",
            "[method]udp-socket.set-receive-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]udp-socket.send-buffer-size() -> (result u64 (error $error-code))",
            "[method]udp-socket.set-send-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]udp-socket.subscribe() -> (own $pollable)",
            "[method]incoming-datagram-stream.receive(max-results: u64) -> (result (list $incoming-datagram) (error $error-code))",
            "[method]incoming-datagram-stream.subscribe() -> (own $pollable)",
            "[method]outgoing-datagram-stream.check-send() -> (result u64 (error $error-code))",
            "[method]outgoing-datagram-stream.send(datagrams: (list $outgoing-datagram)) -> (result u64 (error $error-code))",
            "[method]outgoing-datagram-stream.subscribe() -> (own $pollable)",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "udp-create-socket",
        minor: 2,
        uses: &[
            (
                "wasi:sockets/network",
                &["network", "error-code", "ip-address-family"],
            ),
            ("wasi:sockets/udp", &["udp-socket"]),
        ],
        types: &[],
        functions: &[
            "create-udp-socket(address-family: $ip-address-family) -> (result (own $udp-socket) (error $error-code))",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "tcp",
        minor: 2,
        uses: &[
            ("wasi:io/streams", &["input-stream", "output-stream"]),
            ("wasi:io/poll", &["pollable"]),
            ("wasi:clocks/monotonic-clock", &["duration"]),
            (
                "wasi:sockets/network",
                &[
                    "network",
                    "error-code",
                    "ip-socket-address",
                    "ip-address-family",
                ],
            ),
        ],
        types: &[
            ("shutdown-type", r#"(enum "receive" "send" "both")"#),
            ("tcp-socket", RESOURCE),
        ],
        functions: &[
            "[method]tcp-socket.start-bind(network: (borrow $network), local-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]tcp-socket.finish-bind() -> (result (error $error-code))",
            "[method]tcp-socket.start-connect(network: (borrow $network), remote-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]tcp-socket.finish-connect() -> (result (tuple (own $input-stream) (own $output-stream)) (error $error-code))",
            "[method]tcp-socket.start-listen() -> (result (error $error-code))",
            "[method]tcp-socket.finish-listen() -> (result (error $error-code))",
            "[method]tcp-socket.accept() -> (result (tuple (own $tcp-socket) (own $input-stream) (own $output-stream)) (error $error-code))",
            "[method]tcp-socket.local-address() -> (result $ip-socket-address (error $error-code))",
            "[method]tcp-socket.remote-address() -> (result $ip-socket-address (error $error-code))",
            "[method]tcp-socket.is-listening() -> bool",
            "[method]tcp-socket.address-family() -> $ip-address-family",
            "[method]tcp-socket.set-listen-backlog-size(value: u64) -> (result (error $error-code))",
            "[method]tcp-socket.keep-alive-enabled() -> (result bool (error $error-code))",
            "[method]tcp-socket.set-keep-alive-enabled(value: bool) -> (result (error $error-code))",
            "[method]tcp-socket.keep-alive-idle-time() -> (result $duration (error $error-code))",
            "[method]tcp-socket.set-keep-alive-idle-time(value: $duration) -> (result (error $error-code))",
            "[method]tcp-socket.keep-alive-interval() -> (result $duration (error $error-code))",
            "[method]tcp-socket.set-keep-alive-interval(value: $duration) -> (result (error $error-code))",
            "[method]tcp-socket.keep-alive-count() -> (result u32 (error $error-code))",
            "[method]tcp-socket.set-keep-alive-count(value: u32) -> (result (error $error-code))",
            "[method]tcp-socket.hop-limit() -> (result u8 (error $error-code))",
            "[method]tcp-socket.set-hop-limit(value: u8) -> (result (error $error-code))",
            "[method]tcp-socket.receive-buffer-size() -> (result u64 (error $error-code))",
            "[method]tcp-socket.set-receive-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]tcp-socket.send-buffer-size() -> (result u64 (error $error-code))",
            "[method]tcp-socket.set-send-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]tcp-socket.subscribe() -> (own $pollable)",
            "[method]tcp-socket.shutdown(shutdown-type: $shutdown-type) -> (result (error $error-code))",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "tcp-create-socket",
        minor: 2,
        uses: &[
            (
                "wasi:sockets/network",
                &["network", "error-code", "ip-address-family"],
            ),
            ("wasi:sockets/tcp", &["tcp-socket"]),
        ],
        types: &[],
        functions: &[
            "create-tcp-socket(address-family: $ip-address-family) -> (result (own $tcp-socket) (error $error-code))",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "ip-name-lookup",
        minor: 2,
        uses: &[
            ("wasi:io/poll", &["pollable"]),
            (
                "wasi:sockets/network",
                &["network", "error-code", "ip-address"],
            ),
        ],
        types: &[("resolve-address-stream", RESOURCE)],
        functions: &[
            "resolve-addresses(network: (borrow $network), name: string) -> (result (own $resolve-address-stream) (error $error-code))",
            "[method]resolve-address-stream.resolve-next-address() -> (result (option $ip-address) (error $error-code))",
            "[method]resolve-address-stream.subscribe() -> (own $pollable)",
        ],
    },
    Interface {
        package: "wasi:clocks",
        name: "types",
        minor: 3,
        uses: &[],
        types: &[("duration", "u64")],
        functions: &[],
    },
    Interface {
        package: "wasi:sockets",
        name: "types",
        minor: 3,
        uses: &[("wasi:clocks/types", &["duration"])],
        types: &[
            ("error-code", ERROR_CODE_3),
            FAMILY,
            IPV4,
            IPV6,
            ADDRESS,
            IPV4_SOCKET,
            IPV6_SOCKET,
            SOCKET_ADDRESS,
            ("tcp-socket", RESOURCE),
            ("udp-socket", RESOURCE),
            ("=sockets", "(stream (own $tcp-socket))"),
        ],
        functions: &[
            "[static]tcp-socket.create(address-family: $ip-address-family) -> (result (own $tcp-socket) (error $error-code))",
            "[method]tcp-socket.bind(local-address: $ip-socket-address) -> (result (error $error-code))",
            "async [method]tcp-socket.connect(remote-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]tcp-socket.listen() -> (result $=sockets (error $error-code))",
            "[method]tcp-socket.send(data: (stream u8)) -> (future (result (error $error-code)))",
            "[method]tcp-socket.receive() -> (tuple (stream u8) (future (result (error $error-code))))",
            "[method]tcp-socket.get-local-address() -> (result $ip-socket-address (error $error-code))",
            "[method]tcp-socket.get-remote-address() -> (result $ip-socket-address (error $error-code))",
            "[method]tcp-socket.get-is-listening() -> bool",
            "[method]tcp-socket.get-address-family() -> $ip-address-family",
            "[method]tcp-socket.set-listen-backlog-size(value: u64) -> (result (error $error-code))",
            "[method]tcp-socket.get-keep-alive-enabled() -> (result bool (error $error-code))",
            "[method]tcp-socket.set-keep-alive-enabled(value: bool) -> (result (error $error-code))",
            "[method]tcp-socket.get-keep-alive-idle-time() -> (result $duration (error $error-code))",
            "[method]tcp-socket.set-keep-alive-idle-time(value: $duration) -> (result (error $error-code))",
            "[method]tcp-socket.get-keep-alive-interval() -> (result $duration (error $error-code))",
            "[method]tcp-socket.set-keep-alive-interval(value: $duration) -> (result (error $error-code))",
            "[method]tcp-socket.get-keep-alive-count() -> (result u32 (error $error-code))",
            "[method]tcp-socket.set-keep-alive-count(value: u32) -> (result (error $error-code))",
            "[method]tcp-socket.get-hop-limit() -> (result u8 (error $error-code))",
            "[method]tcp-socket.set-hop-limit(value: u8) -> (result (error $error-code))",
            "[method]tcp-socket.get-receive-buffer-size() -> (result u64 (error $error-code))",
            "[method]tcp-socket.set-receive-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]tcp-socket.get-send-buffer-size() -> (result u64 (error $error-code))",
            "[method]tcp-socket.set-send-buffer-size(value: u64) -> (result (error $error-code))",
            "[static]udp-socket.create(address-family: $ip-address-family) -> (result (own $udp-socket) (error $error-code))",
            "[method]udp-socket.bind(local-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]udp-socket.connect(remote-address: $ip-socket-address) -> (result (error $error-code))",
            "[method]udp-socket.disconnect() -> (result (error $error-code))",
            "async [method]udp-socket.send(data: (list u8), remote-address: (option $ip-socket-address)) -> (result (error $error-code))",
            "async [method]udp-socket.receive() -> (result (tuple (list u8) $ip-socket-address) (error $error-code))",
            "[method]udp-socket.get-local-address() -> (result $ip-socket-address (error $error-code))",
            "[method]udp-socket.get-remote-address() -> (result $ip-socket-address (error $error-code))",
            "[method]udp-socket.get-address-family() -> $ip-address-family",
            "[method]udp-socket.get-unicast-hop-limit() -> (result u8 (error $error-code))",
            "[method]udp-socket.set-unicast-hop-limit(value: u8) -> (result (error $error-code))",
            "[method]udp-socket.get-receive-buffer-size() -> (result u64 (error $error-code))",
            "[method]udp-socket.set-receive-buffer-size(value: u64) -> (result (error $error-code))",
            "[method]udp-socket.get-send-buffer-size() -> (result u64 (error $error-code))",
            "[method]udp-socket.set-send-buffer-size(value: u64) -> (result (error $error-code))",
        ],
    },
    Interface {
        package: "wasi:sockets",
        name: "ip-name-lookup",
        minor: 3,
        uses: &[("wasi:sockets/types", &["ip-address"])],
        types: &[("error-code", LOOKUP_ERROR_CODE_3)],
        functions: &[
            "async resolve-addresses(name: string) -> (result (list $ip-address) (error $error-code))",
        ],
    },
    Interface {
        package: "wasi:cli",
        name: "environment",
        minor: 2,
        uses: &[],
        types: &[],
        functions: &["get-environment() -> (list (tuple string string))"],
    },
    Interface {
        package: "wasi:cli",
        name: "stdin",
        minor: 2,
        uses: &[("wasi:io/streams", &["input-stream"])],
        types: &[],
        functions: &["get-stdin() -> (own $input-stream)"],
    },
    Interface {
        package: "wasi:cli",
        name: "stderr",
        minor: 2,
        uses: &[("wasi:io/streams", &["output-stream"])],
        types: &[],
        functions: &["get-stderr() -> (own $output-stream)"],
    },
    Interface {
        package: "test:host",
        name: "things",
        minor: 2,
        uses: &[
            ("wasi:io/error", &["error"]),
            ("wasi:io/poll", &["pollable"]),
            ("wasi:io/streams", &["input-stream", "output-stream"]),
        ],
        types: &[
            ("thing", RESOURCE),
            (
                "pair",
                r#"(record (field "name" string) (field "input" (own $input-stream))
                   (field "output" (option (own $output-stream))))"#,
            ),
            (
                "found",
                r#"(variant (case "nothing") (case "wrong" (own $error)) (case "number" u64)
                   (case "pollables" (list (own $pollable))) (case "thing" (own $thing)))"#,
            ),
        ],
        functions: &[
            "[constructor]thing() -> (own $thing)",
            "[method]thing.open(name: string) -> (result $pair (error string))",
            "[method]thing.find(number: u16) -> (list $found)",
            "[method]thing.eat(things: (list (own $thing)), beside: (option (borrow $thing))) -> u32",
            "code-of(error: (borrow $error)) -> (option u8)",
            "words(of: (list string)) -> (tuple u8 string u64)",
        ],
    },
    Interface {
        package: "wasi:http",
        name: "types",
        minor: 2,
        uses: &[
            ("wasi:io/streams", &["input-stream"]),
            ("wasi:clocks/monotonic-clock", &["duration"]),
        ],
        types: &[("request", RESOURCE)],
        functions: &["[constructor]request(timeout: $duration) -> (own $request)"],
    },
    Interface {
        package: "wasi:http",
        name: "outgoing-handler",
        minor: 2,
        uses: &[("wasi:http/types", &["request"])],
        types: &[],
        functions: &["handle(request: (own $request)) -> (result)"],
    },
    Interface {
        package: "test:net",
        name: "of-sockets",
        minor: 2,
        uses: &[
            ("wasi:sockets/network", &["ip-socket-address", "error-code"]),
            ("wasi:sockets/tcp", &["tcp-socket"]),
        ],
        types: &[("peer", r#"(record (field "at" $ip-socket-address))"#)],
        functions: &["wrap(socket: (own $tcp-socket)) -> (result $peer (error $error-code))"],
    },
    Interface {
        package: "test:net",
        name: "of-types",
        minor: 3,
        uses: &[("wasi:sockets/types", &["udp-socket", "ip-address"])],
        types: &[],
        functions: &["wrap(socket: (borrow $udp-socket)) -> (option $ip-address)"],
    },
];

//! What can go wrong, in the user's terms.

use crate::name::InterfaceName;

/// Why there is no output.
///
/// Its `Display` says what is wrong and where; [`hint`](Error::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine that is built in cannot run the component.
    #[error("it cannot be run: {message}")]
    Engine {
        /// What the engine says.
        message: String,
    },

    /// The input has no bytes at all.
    #[error("the input is empty")]
    Empty,

    /// The input is the text format, not the binary.
    #[error("the input is WebAssembly text, not a binary")]
    Text,

    /// The input is something else.
    #[error("the input is not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,

    /// The input is WebAssembly of a layer or a version that is neither a module nor a component.
    #[error("the input is WebAssembly of an unknown version ({found:#010x})")]
    UnknownEncoding {
        /// The version field: bytes 4 to 8, little-endian.
        found: u32,
    },

    /// The input ends in the middle.
    #[error("the input is cut off: it ends at offset {offset:#x}, where more must follow")]
    Truncated {
        /// Where in the input, in bytes.
        offset: u64,
    },

    /// The input is not valid.
    #[error("the input is not valid at offset {offset:#x}: {message}")]
    Invalid {
        /// Where in the input, in bytes.
        offset: u64,
        /// What the validator says.
        message: String,
    },

    /// The input is a core module that imports no WASI.
    #[error("the input is a core module{}", match .import { None => String::from(" without any WASI import"), Some(import) => format!(" that imports `{import}`, which is not WASI") })]
    CoreModule {
        /// The first import that is not WASI's, if there is one.
        import: Option<String>,
    },

    /// A core module was given where only a component makes sense.
    #[error("the input is a core module, not a component")]
    NotAComponent,

    /// The input is a preview1 module, and adapting it was ruled out.
    #[error("the input is a core module for WASI preview1, not a component")]
    NeedsAdapter,

    /// A preview1 module could not be made a component.
    #[error("the core module cannot be made a component: {message}")]
    Componentize {
        /// What `wit-component` says.
        message: String,
    },

    /// `wasi:sockets` in a version this tool does not know.
    #[error("the input imports `{interface}`, and that version of `wasi:sockets` is not known")]
    UnknownVersion {
        /// The import.
        interface: Box<InterfaceName>,
    },

    /// `wasi:sockets` without a version.
    #[error("the input imports `{interface}`, without a version")]
    NoVersion {
        /// The import.
        interface: Box<InterfaceName>,
    },

    /// A release candidate of `wasi:sockets`.
    #[error("the input imports `{interface}`, a release candidate")]
    ReleaseCandidate {
        /// The import.
        interface: Box<InterfaceName>,
    },

    /// An interface that `wasi:sockets` does not have in that version.
    #[error("the input imports `{interface}`, which is no interface of `wasi:sockets`")]
    UnknownInterface {
        /// The import.
        interface: Box<InterfaceName>,
    },

    /// A function that the interface does not have.
    #[error("the input imports `{function}` of `{interface}`, which that interface does not have")]
    UnknownFunction {
        /// The import.
        interface: Box<InterfaceName>,
        /// The function's name as it is exported.
        function: String,
    },

    /// A type or a function that is not what WASI says it is.
    #[error("{item} of `{interface}` is not as WASI defines it: {reason}")]
    UnexpectedType {
        /// The import.
        interface: Box<InterfaceName>,
        /// What of it, such as `` `resolve-addresses` ``.
        item: String,
        /// What differs.
        reason: String,
    },

    /// Sockets can be subscribed to, and there is no clock to take a pollable from.
    #[error(
        "`{interface}` has `subscribe`, and the input imports no clock whose pollable \
         could stand in"
    )]
    NoPollable {
        /// The import.
        interface: Box<InterfaceName>,
    },

    /// Something else of the input's surface is made of types of `wasi:sockets`.
    #[error("{item} is made of types of `{interface}`, which no longer come from the host")]
    Entangled {
        /// What it is, such as ``import `a:b/c` ``.
        item: String,
        /// Whose types they are.
        interface: Box<InterfaceName>,
    },

    /// Something that a network in memory cannot be put beside.
    #[error("{item} does not go with a network in memory: {reason}")]
    NotInMemory {
        /// What it is.
        item: String,
        /// Why it cannot.
        reason: String,
    },

    /// A policy that contradicts itself.
    #[error("the policy cannot be built with: {message}")]
    Policy {
        /// What is wrong with it.
        message: String,
    },

    /// A form of component that cannot be wrapped.
    #[error("{item} cannot be carried over: {reason}")]
    Unsupported {
        /// What it is.
        item: String,
        /// Why.
        reason: String,
    },

    /// A library that this one is built on panicked over the input.
    #[error("`{dependency}` has a bug that this input runs into: {message}")]
    Dependency {
        /// The library.
        dependency: &'static str,
        /// What it panicked with.
        message: String,
    },

    /// The composed component did not stand the check. Nothing of it is given out.
    #[error("the composed component was refused: {reason}")]
    Refused {
        /// What the check found.
        reason: String,
    },
}

impl Error {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Error::Engine { .. } => {
                "wasmtime 48 runs programs of WASI 0.2 and 0.3: see what `sockvirt inspect` says"
            }
            Error::Empty | Error::NotWasm => {
                "give a component or a preview1 module, such as rustc makes for wasm32-wasip2"
            }
            Error::Text => "turn it into a binary first: `wasm-tools parse IN -o OUT.wasm`",
            Error::UnknownEncoding { .. } => "a newer sockvirt may know it",
            Error::Truncated { .. } => {
                "the file was not written or copied completely: build it again"
            }
            Error::Invalid { .. } => {
                "`wasm-tools validate` says more; the toolchain made a broken file"
            }
            Error::CoreModule { import: None } => {
                "it has no network to virtualize; build the program for wasm32-wasip2"
            }
            Error::CoreModule { .. } => {
                "make a component of it first (`wasm-tools component new`), \
                 or build the program for wasm32-wasip2"
            }
            Error::NotAComponent => "give the component that `sockvirt build` made",
            Error::NeedsAdapter => {
                "leave `--no-adapt` out to have it adapted on the way, \
                 or build the program for wasm32-wasip2"
            }
            Error::Componentize { .. } => "build the program for wasm32-wasip2",
            Error::UnknownVersion { .. } => {
                "known are 0.2.x and 0.3.x; a newer sockvirt may know more"
            }
            Error::NoVersion { .. } | Error::ReleaseCandidate { .. } => {
                "rebuild the program with a toolchain of a released version (0.2.x or 0.3.x)"
            }
            Error::UnknownInterface { .. } | Error::UnknownFunction { .. } => {
                "a newer sockvirt may know it"
            }
            Error::UnexpectedType { .. } => "rebuild the program with the WIT that WASI released",
            Error::NoPollable { .. } => {
                "deny sockets at creation (`--deny-at create`), or have the program import \
                 `subscribe-duration` of `wasi:clocks/monotonic-clock` in the same version"
            }
            Error::Entangled { .. } => "compose the components that share these types first",
            Error::NotInMemory { .. } => {
                "build it without `--loopback`, `[loopback] mode = \"virtual\"` and `--script`"
            }
            Error::Policy { .. } => "leave one of the two out",
            Error::Unsupported { .. } => "please report it with the component",
            Error::Dependency { .. } => {
                "other tools built on the same library will stumble over it too: \
                 please report it with the component"
            }
            Error::Refused { .. } => {
                "this is a bug of sockvirt: please report it with the component"
            }
        })
    }
}

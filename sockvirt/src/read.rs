//! The first stage: bytes in, a [`Root`] out, valid or refused.
//!
//! Everything is validated once, here: types while they are read, function bodies afterwards on
//! all cores. Later stages rely on it and never look into a core module again.

use crate::error::Error;
use crate::guard::guard;
use crate::root::Root;
use std::ops::Range;
use wasmparser::types::Types;
use wasmparser::{
    BinaryReaderError, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// Function bodies below this many bytes are not worth a second thread.
const BYTES_PER_THREAD: usize = 128 * 1024;

/// So many bytes of function bodies are validated together. What is kept for each body until then
/// is of the order of the body itself.
const BATCH: usize = 1024 * 1024;

/// What kind of binary the bytes begin like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    Component,
}

/// Tells modules from components by their first eight bytes.
pub(crate) fn kind(bytes: &[u8]) -> Result<Kind, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let Some(after_magic) = bytes.strip_prefix(b"\0asm") else {
        return Err(not_wasm(bytes));
    };
    let Some(version) = after_magic.first_chunk::<4>() else {
        return Err(Error::Truncated {
            offset: bytes.len() as u64,
        });
    };
    match (Parser::is_core_wasm(bytes), Parser::is_component(bytes)) {
        (true, _) => Ok(Kind::Module),
        (_, true) => Ok(Kind::Component),
        _ => Err(Error::UnknownEncoding {
            found: u32::from_le_bytes(*version),
        }),
    }
}

/// Text in the text format begins with a parenthesis or a comment.
fn not_wasm(bytes: &[u8]) -> Error {
    let start = bytes.trim_ascii_start();
    if b"\0asm".starts_with(bytes) {
        Error::Truncated {
            offset: bytes.len() as u64,
        }
    } else if start.starts_with(b"(") || start.starts_with(b";;") {
        Error::Text
    } else {
        Error::NotWasm
    }
}

/// Which function bodies are validated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bodies<'b> {
    All,
    /// All but those of a component directly inside that is, to the byte, this one. Its bodies were
    /// validated before.
    AllBut(&'b [u8]),
}

/// Reads a component, or refuses it as the validator does.
pub(crate) fn read<'a>(bytes: &'a [u8], bodies: Bodies<'_>) -> Result<Root<'a>, Error> {
    guard("wasmparser", || validate(bytes, bodies))
}

fn validate<'a>(bytes: &'a [u8], bodies: Bodies<'_>) -> Result<Root<'a>, Error> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut functions = Vec::new();
    let mut waiting = 0;
    let mut root = Root::new(bytes);
    let mut depth = 0;
    let mut trusted = 0..0;
    let mut types = None;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        if depth == 1 {
            root.add(&payload).map_err(invalid)?;
            if let Some(range) = trusted_range(&payload, bytes, bodies) {
                trusted = range;
            }
        }
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            _ => {}
        }
        match validator.payload(&payload).map_err(invalid)? {
            ValidPayload::Func(function, body) if !trusted.contains(&body.range().start) => {
                waiting += body.as_bytes().len();
                functions.push((function, body));
                if waiting >= BATCH {
                    validate_bodies(std::mem::take(&mut functions))?;
                    waiting = 0;
                }
            }
            ValidPayload::End(of_root) => types = Some(of_root),
            _ => {}
        }
    }
    validate_bodies(functions)?;
    match types {
        Some(types) => Ok(root.with_types(types)),
        None => Err(Error::Truncated {
            offset: bytes.len() as u64,
        }),
    }
}

/// Where the component is whose function bodies are trusted, if the payload is that.
fn trusted_range(payload: &Payload<'_>, bytes: &[u8], bodies: Bodies<'_>) -> Option<Range<u64>> {
    match (payload, bodies) {
        (
            Payload::ComponentSection {
                unchecked_range, ..
            },
            Bodies::AllBut(trusted),
        ) => {
            let range = unchecked_range.start as usize..unchecked_range.end as usize;
            (bytes.get(range) == Some(trusted)).then(|| unchecked_range.clone())
        }
        _ => None,
    }
}

/// Validates a core module and gives its types.
pub(crate) fn read_module(bytes: &[u8]) -> Result<Types, Error> {
    guard("wasmparser", || {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        validator.validate_all(bytes).map_err(invalid)
    })
}

type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Validates function bodies on as many threads as they are worth. Of several faults the one that
/// comes first in the file is reported, so that the answer never depends on timing.
fn validate_bodies(functions: Vec<Function<'_>>) -> Result<(), Error> {
    let bytes: usize = functions.iter().map(body_len).sum();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (bytes / BYTES_PER_THREAD).clamp(1, cores);
    let mut parts = split(functions, bytes.div_ceil(threads)).into_iter();
    let own = parts.next().unwrap_or_default();
    let results: Vec<_> = std::thread::scope(|scope| {
        let helpers: Vec<_> = parts
            .map(|part| scope.spawn(|| validate_part(part)))
            .collect();
        let own = validate_part(own);
        // A panic goes on to where it is caught.
        let join = |helper: std::thread::ScopedJoinHandle<'_, _>| {
            helper
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        std::iter::once(own)
            .chain(helpers.into_iter().map(join))
            .collect()
    });
    results
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(invalid)
}

fn body_len((_, body): &Function<'_>) -> usize {
    body.as_bytes().len()
}

/// Cuts the list into runs of about `bytes` bytes of function bodies each, in order.
fn split(functions: Vec<Function<'_>>, bytes: usize) -> Vec<Vec<Function<'_>>> {
    let mut parts = vec![Vec::new()];
    let mut filled = 0;
    for function in functions {
        if filled >= bytes {
            parts.push(Vec::new());
            filled = 0;
        }
        filled += body_len(&function);
        if let Some(part) = parts.last_mut() {
            part.push(function);
        }
    }
    parts
}

fn validate_part(functions: Vec<Function<'_>>) -> Result<(), BinaryReaderError> {
    let mut allocations = FuncValidatorAllocations::default();
    for (function, body) in functions {
        let mut validator = function.into_validator(allocations);
        validator.validate(&body)?;
        allocations = validator.into_allocations();
    }
    Ok(())
}

fn invalid(e: BinaryReaderError) -> Error {
    let offset = e.offset();
    match e.message() {
        message if message.starts_with("unexpected end") => Error::Truncated { offset },
        message => Error::Invalid {
            offset,
            message: message.to_owned(),
        },
    }
}

//! Core modules that call functions, and write down what they give.
//!
//! What a function returns is taken apart as its type says. Numbers go into a list of bytes, which
//! exported functions return; handles are kept, a few of each resource, for calls that take some.

mod arguments;
mod results;

use super::types::{Core, Resource, Ty};
use arbitrary::{Result, Unstructured};
use arguments::Call;
use std::fmt::{self, Write};

/// Where a function's result is put, where handles are kept, where arguments are, what is written
/// down, and what `realloc` gives begins.
const RESULT: u32 = 32;
const SLOTS: u32 = 1024;
const ARGUMENTS: u32 = 4096;
const WRITTEN: u32 = 0x8000;
pub(super) const HEAP: u32 = 0x40000;
/// How many handles of a resource are kept.
const KEPT: u32 = 3;

/// A function that a core module imports.
#[derive(Clone, Debug)]
pub(super) struct Lowered {
    /// Its identifier, without the `$`.
    pub(super) id: String,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Call(Callee),
    /// By the type of this name that an instance exports.
    Drop(Resource, String),
}

/// A function of an interface.
#[derive(Clone, Debug)]
pub(super) struct Callee {
    /// The instance that it is exported by.
    pub(super) instance: String,
    pub(super) name: &'static str,
    pub(super) params: Vec<Ty>,
    pub(super) result: Option<Ty>,
}

impl Callee {
    pub(super) fn is_of_sockets(&self) -> bool {
        self.instance.starts_with("wasi:sockets/")
    }

    /// Whether calls do no more than a host can do that knows nothing of sockets: there, no socket
    /// is bound, connected or told of.
    fn is_called(&self) -> bool {
        let gives = |package| {
            self.result
                .as_ref()
                .is_some_and(|it| it.has_handle_of(package))
        };
        let is_pollable = matches!(&self.result, Some(Ty::Own(_)));
        let is_child = self.name.ends_with(".stream") || self.name.ends_with(".accept");
        !self.is_of_sockets() || !is_child && (is_pollable || !gives("wasi:io"))
    }

    /// Whether it gives handles and takes none.
    fn is_source(&self) -> bool {
        let takes = self.params.iter().any(|it| it.has_handle_of(""));
        !takes && self.result.as_ref().is_some_and(|it| it.has_handle_of(""))
    }

    /// Whether its result is written where an address says.
    pub(super) fn returns_in_memory(&self) -> bool {
        self.result.as_ref().is_some_and(|it| it.flat().len() > 1)
    }

    /// Whether it takes or gives lists, or its result is in memory.
    pub(super) fn needs_memory(&self) -> bool {
        self.returns_in_memory() || self.params.iter().chain(&self.result).any(Ty::has_list)
    }

    fn signature(&self) -> Signature {
        let mut params: Vec<Core> = self.params.iter().flat_map(Ty::flat).collect();
        let mut result = self.result.as_ref().map_or(Vec::new(), Ty::flat);
        if self.returns_in_memory() {
            params.push(Core::I32);
            result.clear();
        }
        Signature { params, result }
    }
}

/// What a function of core WebAssembly takes and gives.
pub(super) struct Signature {
    pub(super) params: Vec<Core>,
    result: Vec<Core>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for param in &self.params {
            write!(f, " (param {})", param.name())?;
        }
        for result in &self.result {
            write!(f, " (result {})", result.name())?;
        }
        Ok(())
    }
}

impl Lowered {
    fn callee(&self) -> Option<(&Lowered, &Callee)> {
        match &self.what {
            What::Call(callee) => Some((self, callee)),
            What::Drop(..) => None,
        }
    }

    pub(super) fn signature(&self) -> Signature {
        match &self.what {
            What::Call(callee) => callee.signature(),
            What::Drop(..) => Signature {
                params: vec![Core::I32],
                result: Vec::new(),
            },
        }
    }
}

/// The functions of a core module, as text, but for what it imports.
pub(super) fn functions(
    data: &mut Unstructured<'_>,
    lowered: &[Lowered],
    runs: &[String],
) -> Result<String> {
    let mut code = Code {
        data,
        lowered,
        text: HELPERS.replace("WRITTEN", &WRITTEN.to_string()),
        written: Vec::new(),
    };
    code.keepers();
    for run in runs {
        code.run(run)?;
    }
    Ok(code.text)
}

const HELPERS: &str = r#"
(global $written (mut i32) (i32.const 0))
(global $quiet (mut i32) (i32.const 0))
(func $put (param $value i64) (param $bytes i32)
  (if (i32.eqz (global.get $quiet)) (then
    (i64.store (global.get $written) (local.get $value))
    (global.set $written (i32.add (global.get $written) (local.get $bytes))))))
(func $take (param $slot i32) (result i32)
  (i32.load (local.get $slot))
  (i32.store (local.get $slot) (i32.const 0)))
(func $keep (param $handle i32) (param $slot i32) (param $count i32) (result i32)
  (block $full
    (loop $next
      (br_if $full (i32.eqz (local.get $count)))
      (if (i32.eqz (i32.load (local.get $slot))) (then
        (i32.store (local.get $slot) (local.get $handle))
        (return (i32.const 1))))
      (local.set $slot (i32.add (local.get $slot) (i32.const 4)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
  (i32.const 0))
(func $begin
  (global.set $written (i32.const WRITTEN)))
(func $end (result i32)
  (i32.store (i32.const 8) (i32.const WRITTEN))
  (i32.store (i32.const 12) (i32.sub (global.get $written) (i32.const WRITTEN)))
  (i32.const 8))
"#;

struct Code<'d, 'a> {
    data: &'d mut Unstructured<'a>,
    lowered: &'d [Lowered],
    text: String,
    /// The types that there are functions for which write them down.
    written: Vec<Ty>,
}

impl Code<'_, '_> {
    fn resources(&self) -> impl Iterator<Item = (&str, &Resource)> {
        self.lowered.iter().filter_map(|it| match &it.what {
            What::Drop(resource, _) => Some((it.id.as_str(), resource)),
            What::Call(_) => None,
        })
    }

    /// The first slot for handles of a resource, and what drops them.
    fn place(&self, resource: &Resource) -> Option<(u32, &str)> {
        let mut places = (SLOTS..).step_by(4 * KEPT as usize).zip(self.resources());
        let (slot, (drop, _)) = places.find(|(_, (_, it))| *it == resource)?;
        Some((slot, drop))
    }

    /// Functions that keep a handle, or drop it if there are enough.
    fn keepers(&mut self) {
        let mut text = String::new();
        for (drop, resource) in self.resources() {
            let Some((slot, first)) = self.place(resource).filter(|(_, it)| *it == drop) else {
                continue;
            };
            let _ = writeln!(
                text,
                "(func $keep-{first} (param i32)\n  (if (i32.eqz (call $keep (local.get 0) \
                 (i32.const {slot}) (i32.const {KEPT}))) (then (call ${drop} (local.get 0)))))"
            );
        }
        self.text.push_str(&text);
    }

    /// An exported function. It begins with what gives handles and takes none.
    fn run(&mut self, name: &str) -> Result<()> {
        let lowered = self.lowered;
        let mut body = String::new();
        for (it, callee) in lowered.iter().filter_map(Lowered::callee) {
            if callee.is_source() {
                body.push_str(&self.call(it, callee)?);
            }
        }
        for _ in 0..self.data.int_in_range(10..=60)? {
            let of_sockets = self.data.int_in_range(0..=4)? == 0;
            let it = self.data.choose(lowered)?;
            body.push_str(&match &it.what {
                What::Drop(resource, _) => self.drop(it, resource)?,
                What::Call(callee) if callee.is_of_sockets() == of_sockets => {
                    self.call(it, callee)?
                }
                What::Call(_) => String::new(),
            });
        }
        let _ = writeln!(
            self.text,
            "(func (export \"{name}\") (result i32)\n  (call $begin)\n{body}  (call $end))"
        );
        Ok(())
    }

    fn drop(&mut self, lowered: &Lowered, resource: &Resource) -> Result<String> {
        let Some(slot) = self.slot(resource)? else {
            return Ok(String::new());
        };
        Ok(format!(
            "  (if (i32.load (i32.const {slot})) (then (call ${} (call $take (i32.const {slot})))))\n",
            lowered.id
        ))
    }

    /// A place where a handle of this resource may be.
    fn slot(&mut self, resource: &Resource) -> Result<Option<u32>> {
        let number = self.data.int_in_range(0..=KEPT - 1)?;
        Ok(self.place(resource).map(|(first, _)| first + 4 * number))
    }

    fn call(&mut self, lowered: &Lowered, callee: &Callee) -> Result<String> {
        if !callee.is_called() {
            return Ok(String::new());
        }
        let mut call = Call::default();
        let mut arguments = Vec::new();
        for param in &callee.params {
            let flat = self.argument(param, &mut call)?;
            arguments.extend(flat.into_iter().map(|(_, code)| code));
        }
        if call.is_impossible {
            return Ok(String::new());
        }
        let called = self.called(lowered, callee, arguments);
        let quiet = match callee.is_of_sockets() {
            true => "(global.set $quiet (i32.const 1)) ",
            false => "",
        };
        let stores = &call.stores;
        let mut text = format!("{stores}{quiet}{called} (global.set $quiet (i32.const 0))");
        for slot in call.slots {
            text = format!("(if (i32.load (i32.const {slot})) (then {text}))");
        }
        Ok(format!("  {text}\n"))
    }

    /// A call with these arguments, and what is done with its result.
    fn called(&mut self, lowered: &Lowered, callee: &Callee, mut arguments: Vec<String>) -> String {
        let id = &lowered.id;
        if callee.returns_in_memory() {
            arguments.push(format!("(i32.const {RESULT})"));
        }
        let call = format!("(call ${id} {})", arguments.join(" "));
        match &callee.result {
            None => call,
            Some(ty) if callee.returns_in_memory() => {
                let number = self.written(ty);
                format!("{call} (call $write-{number} (i32.const {RESULT}))")
            }
            Some(Ty::Own(resource)) => self.received(callee, resource, &call),
            Some(ty) => match ty.flat()[..] {
                [Core::I64] => format!("(call $put {call} (i32.const 8))"),
                [_] => format!("(call $put (i64.extend_i32_u {call}) (i32.const 4))"),
                [] => call,
                _ => unreachable!("it is returned in memory"),
            },
        }
    }

    /// Keeps a handle. A pollable of a socket is asked whether it is ready, and dropped: what a host
    /// would say to it among others, no other host knows.
    fn received(&self, callee: &Callee, resource: &Resource, call: &str) -> String {
        let Some((_, drop)) = self.place(resource) else {
            return format!("(drop {call})");
        };
        if !callee.is_of_sockets() || resource.interface != "wasi:io/poll" {
            return format!("(call $keep-{drop} {call})");
        }
        let is_ready = |it: &&Lowered| match &it.what {
            What::Call(callee) => {
                callee.name == "[method]pollable.ready"
                    && callee.params == [Ty::Borrow(resource.clone())]
            }
            What::Drop(..) => false,
        };
        let ready = self.lowered.iter().find(is_ready).map(|it| {
            let id = &it.id;
            format!("(drop (call ${id} (i32.load (i32.const {RESULT}))))")
        });
        format!(
            "(i32.store (i32.const {RESULT}) {call}) {} (call ${drop} (i32.load (i32.const {RESULT})))",
            ready.unwrap_or_default()
        )
    }
}

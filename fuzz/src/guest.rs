//! Components that import `wasi:sockets`, in the text format. Where the data says nothing they
//! are as toolchains make them; the rest is left out, changed or added to at random.

use crate::function::{Function, resource_of};
use crate::interfaces::{INTERFACES, Interface, RESOURCE};
use crate::spellings::SPELLINGS;
use arbitrary::{Result, Unstructured};
use std::fmt::Write;

const VERSIONS_2: [&str; 7] = [
    "0.2.0",
    "0.2.12",
    "0.2.3",
    "0.2.0-rc-2023-11-10",
    "0.1.0",
    "0.4.0",
    "1.0.0",
];
const VERSIONS_3: [&str; 5] = ["0.3.0", "0.3.2", "0.3.0-rc-2025-08-15", "0.4.0", "0.2.0"];

const PRIMITIVES: [&str; 14] = [
    "u8",
    "bool",
    "u16",
    "u32",
    "u64",
    "s8",
    "s16",
    "s32",
    "s64",
    "f32",
    "f64",
    "char",
    "string",
    "error-context",
];

/// Names of functions that some interface has, or none.
const FUNCTIONS: [&str; 12] = [
    "nothing",
    "sockvirt-open",
    "subscribe-duration",
    "create-tcp-socket",
    "create-udp-socket",
    "instance-network",
    "network-error-code",
    "resolve-addresses",
    "[constructor]tcp-socket",
    "[static]tcp-socket.create",
    "[method]tcp-socket.nothing",
    "[method]tcp-socket.start-bind",
];

/// Declarations that no interface has.
const ODDITIES: [&str; 9] = [
    r#"(export "an-instance" (instance (export "f" (func))))"#,
    r#"(export "a-component" (component (import "f" (func))))"#,
    r#"(export "a-module" (core module))"#,
    r#"(export "a-value" (value u32))"#,
    "(core type (func (param i32)))",
    "(type (instance))",
    "(type (component))",
    "(type (func))",
    "(type (record (field \"unused\" u8)))",
];

/// What exported functions are lifted from.
const CORE: &str = r#"
(core module $core
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "nothing"))
  (func (export "take") (param i32))
  (func (export "take-two") (param i32 i32))
  (func (export "give") (result i32) unreachable)
  (func (export "swap") (param i32) (result i32) unreachable))
(core instance $lib (instantiate $core))
"#;

/// The text of a component. It need not be valid.
pub(crate) fn text(data: &mut Unstructured<'_>) -> Result<String> {
    let odds = data.int_in_range(0..=6)?;
    let mut guest = Guest {
        data,
        odds,
        text: String::from("(component\n"),
        types: Vec::new(),
        items: Vec::new(),
        instances: Vec::new(),
        functions: Vec::new(),
        count: 0,
    };
    guest.imports()?;
    guest.exports()?;
    guest.text.push(')');
    Ok(guest.text)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Resource,
    /// One that is passed as an `i32`.
    Enum,
    Other,
}

impl Kind {
    fn of(definition: &str) -> Self {
        match definition {
            RESOURCE => Kind::Resource,
            _ if definition.starts_with("(enum") => Kind::Enum,
            _ => Kind::Other,
        }
    }
}

/// A type by its identifier, without the `$`.
#[derive(Clone)]
struct Type {
    id: String,
    kind: Kind,
}

/// A type that an instance exports, and its identifier once there is an alias of it.
struct Item {
    instance: String,
    name: &'static str,
    kind: Kind,
    id: Option<String>,
}

struct Guest<'d, 'a> {
    data: &'d mut Unstructured<'a>,
    text: String,
    /// The types of the outermost scope.
    types: Vec<Type>,
    items: Vec<Item>,
    instances: Vec<String>,
    /// The functions that instances export: the instance's identifier and the name.
    functions: Vec<(String, &'static str)>,
    count: usize,
    /// How much more may be other than toolchains make it.
    odds: u8,
}

impl Guest<'_, '_> {
    /// True once in `times`, and never where there is no data any more.
    fn once_in(&mut self, times: u8) -> Result<bool> {
        Ok(self.data.int_in_range(1..=times)? == times && times > 1)
    }

    /// The same, but only a few times for each component: one with all its parts wrong is refused
    /// for the first of them.
    fn odd(&mut self, times: u8) -> Result<bool> {
        let odd = self.odds > 0 && self.once_in(times)?;
        self.odds -= u8::from(odd);
        Ok(odd)
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Result<Option<&'t T>> {
        match from.is_empty() {
            true => Ok(None),
            false => self.data.choose(from).map(Some),
        }
    }

    /// An identifier that is new.
    fn id(&mut self, name: &str) -> String {
        self.count += 1;
        format!("{name}-{}", self.count)
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn imports(&mut self) -> Result<()> {
        let versions_2 = [self.version(&VERSIONS_2)?, self.version(&VERSIONS_2)?];
        let versions_3 = [self.version(&VERSIONS_3)?];
        let both = self.once_in(4)? && versions_2[0] != versions_2[1];
        let few = self.once_in(2)?;
        let late = self.odd(16)?;
        let count = INTERFACES.len();
        for number in 0..count {
            let number = if late { count - 1 - number } else { number };
            let interface = &INTERFACES[number];
            let versions = match interface.minor {
                2 => &versions_2[..=usize::from(both)],
                _ => &versions_3,
            };
            for version in versions {
                let imported = match interface.package {
                    "test:net" => self.odd(3)?,
                    _ if few => self.once_in(3)?,
                    _ => !self.once_in(4)?,
                };
                if imported {
                    self.interface(interface, version)?;
                }
                if self.odd(6)? {
                    self.extra(version)?;
                }
            }
        }
        Ok(())
    }

    /// One of the first two, or an odd one of all.
    fn version(&mut self, versions: &[&'static str]) -> Result<&'static str> {
        let known = if self.odd(8)? {
            versions
        } else {
            &versions[..2]
        };
        self.data.choose(known).copied()
    }

    fn interface(&mut self, interface: &Interface, version: &str) -> Result<()> {
        let path = interface.path();
        let instance = format!("{path}@{version}");
        let mut scope = Vec::new();
        let mut body = String::new();
        for (from, names) in interface.uses {
            for name in *names {
                self.use_type(&format!("{from}@{version}"), name, &mut scope, &mut body)?;
            }
        }
        for (name, definition) in interface.types {
            self.define(name, definition, &mut scope, &mut body)?;
        }
        let kept = *self.data.choose(&[1, 8, 4, 2])?;
        for spec in interface.functions {
            let left_out = self.once_in(kept)?;
            let Some((name, function)) = self.function(spec, &scope)?.filter(|_| !left_out) else {
                continue;
            };
            let _ = writeln!(body, "  (export \"{name}\" {function})");
            self.functions.push((instance.clone(), name));
        }
        if self.odd(16)? {
            let (name, ty) = (self.data.choose(&FUNCTIONS)?, self.type_in(&scope, 2)?);
            let _ = writeln!(body, "  (export \"{name}\" (func (param \"a\" {ty})))");
        }
        if self.odd(24)? {
            let _ = writeln!(body, "  {}", self.data.choose(&ODDITIES)?);
        }
        let import = self.import_name(&path, version)?;
        self.import_instance(&import, &instance, &body)?;
        for ty in scope {
            let names = interface.uses.iter().flat_map(|(_, names)| names.iter());
            let mut names = names.chain(interface.types.iter().map(|(name, _)| name));
            if let Some(name) = names.find(|name| **name == ty.id && !name.starts_with('=')) {
                self.items.push(Item {
                    instance: instance.clone(),
                    name,
                    kind: ty.kind,
                    id: None,
                });
            }
        }
        self.instances.push(instance);
        Ok(())
    }

    /// Declares the import of an instance, with its type there or before.
    fn import_instance(&mut self, import: &str, instance: &str, body: &str) -> Result<()> {
        let ty = self.id("type");
        let odd = self.odd(12)?;
        match self.data.int_in_range(0..=2)? {
            _ if !odd => self.line(&format!(
                "(type ${ty} (instance\n{body}))\n(import {import} (instance ${instance} (type ${ty})))"
            )),
            1 => self.line(&format!(
                "(type ${ty} (instance\n{body}))\n(alias outer 0 ${ty} (type ${ty}b))\n\
                 (import {import} (instance ${instance} (type ${ty}b)))"
            )),
            2 => self.line(&format!(
                "(type ${ty} (instance\n{body}))\n(import \"test:same/{ty}\" (instance (type ${ty})))\n\
                 (import {import} (instance ${instance} (type ${ty})))"
            )),
            _ => self.line(&format!("(import {import} (instance ${instance}\n{body}))")),
        }
        Ok(())
    }

    /// The name of an import as the text format has it.
    fn import_name(&mut self, path: &str, version: &str) -> Result<String> {
        let odd = self.odd(12)?;
        Ok(match self.data.int_in_range(0..=4)? {
            _ if !odd => format!("\"{path}@{version}\""),
            1 => {
                let cut = version.rsplit_once('.').unwrap_or((version, ""));
                format!("\"{path}@{}\" (versionsuffix \".{}\")", cut.0, cut.1)
            }
            2 => {
                let label = self.id("label");
                format!("\"{label}\" (implements \"{path}@{version}\")")
            }
            3 => {
                let id = self.data.choose(&SPELLINGS)?;
                format!("\"{path}@{version}\" (external-id \"{id}\")")
            }
            4 => format!("\"{}\"", self.data.choose(&SPELLINGS)?),
            _ => format!("\"{path}\""),
        })
    }

    /// Takes a type of another instance into the type of one, or now and then defines it there
    /// where the other is not imported.
    fn use_type(
        &mut self,
        instance: &str,
        name: &'static str,
        scope: &mut Vec<Type>,
        body: &mut String,
    ) -> Result<()> {
        let elsewhere = self.odd(48)?;
        let found = self
            .items
            .iter()
            .position(|item| item.name == name && (elsewhere || item.instance == instance));
        match found {
            _ if self.odd(24)? => {}
            Some(at) => {
                let id = self.alias(at);
                let _ = writeln!(body, "  (export \"{name}\" (type ${name} (eq ${id})))");
                scope.push(Type {
                    id: name.to_owned(),
                    kind: self.items[at].kind,
                });
            }
            None if self.once_in(3)? => {
                let of = |interface: &&Interface| {
                    instance.starts_with(&format!("{}@", interface.path()))
                };
                let mut types = INTERFACES.iter().filter(of).flat_map(|it| it.types);
                if let Some((_, definition)) = types.find(|(it, _)| *it == name) {
                    self.define(name, definition, scope, body)?;
                }
            }
            None => {}
        }
        Ok(())
    }

    /// The identifier of a type that an instance exports.
    fn alias(&mut self, at: usize) -> String {
        let Item {
            instance,
            name,
            kind,
            id,
        } = &mut self.items[at];
        if let Some(id) = id {
            return id.clone();
        }
        let new = format!("{instance}.{name}");
        *id = Some(new.clone());
        self.types.push(Type {
            id: new.clone(),
            kind: *kind,
        });
        let line = format!("(alias export ${instance} \"{name}\" (type ${new}))");
        self.line(&line);
        new
    }

    /// Defines and exports a type in the type of an instance.
    fn define(
        &mut self,
        name: &str,
        definition: &str,
        scope: &mut Vec<Type>,
        body: &mut String,
    ) -> Result<()> {
        let definition = match self.odd(32)? {
            true if self.once_in(2)? => return Ok(()),
            true => self.definition(scope)?,
            false => definition.to_owned(),
        };
        if !knows(scope, &definition) {
            return Ok(());
        }
        let kind = Kind::of(&definition);
        let _ = match kind {
            _ if name.starts_with('=') => writeln!(body, "  (type ${name} {definition})"),
            Kind::Resource => writeln!(body, "  (export \"{name}\" (type ${name} {RESOURCE}))"),
            _ => writeln!(
                body,
                "  (type $def-{name} {definition}) (export \"{name}\" (type ${name} (eq $def-{name})))"
            ),
        };
        let id = name.to_owned();
        scope.push(Type { id, kind });
        Ok(())
    }

    /// A definition for a type with a name.
    fn definition(&mut self, scope: &[Type]) -> Result<String> {
        let ty = self.type_in(scope, 2)?;
        Ok(match self.data.int_in_range(0..=7)? {
            0 => RESOURCE.to_owned(),
            1 => self.cases("enum", |i| format!("\"c{i}\""))?,
            2 => self.cases("flags", |i| format!("\"f{i}\""))?,
            3 => self.cases("variant", |i| format!("(case \"c{i}\")"))?,
            4 => self.cases("record", |i| format!("(field \"f{i}\" u64)"))?,
            5 => format!("(variant (case \"access-denied\" {ty}) (case \"other\"))"),
            6 => format!("(record (field \"a\" u8) (field \"b\" {ty}))"),
            _ => ty,
        })
    }

    fn cases(&mut self, word: &str, case: impl Fn(usize) -> String) -> Result<String> {
        let most = if word == "flags" { 7 } else { 9 };
        let counts = [1, 2, 3, 8, 9, 21, 32, 256, 257, 300];
        let count = counts[self.data.int_in_range(0..=most - 1)?];
        let cases: Vec<_> = (0..count).map(case).collect();
        Ok(format!("({word} {})", cases.join(" ")))
    }

    /// A type of values that needs no name.
    fn type_in(&mut self, scope: &[Type], depth: usize) -> Result<String> {
        let leaf = self.data.int_in_range(0..=2)?;
        if leaf == 0 || depth == 0 {
            return Ok((*self.data.choose(&PRIMITIVES)?).to_owned());
        }
        if leaf == 1
            && let Some(Type { id, kind }) = self.pick(scope)?
        {
            return Ok(match kind {
                Kind::Resource if self.once_in(2)? => format!("(borrow ${id})"),
                Kind::Resource => format!("(own ${id})"),
                _ => format!("${id}"),
            });
        }
        let (one, two) = (
            self.type_in(scope, depth - 1)?,
            self.type_in(scope, depth - 1)?,
        );
        // The text format does not take these directly in a `result`.
        let nests = !one.starts_with("(stream") && !one.starts_with("(future");
        Ok(match self.data.int_in_range(0..=11)? {
            0 => format!("(list {one})"),
            1 => format!("(option {one})"),
            2 => format!("(tuple {one} {two})"),
            3 if nests => format!("(result {one} (error {two}))"),
            4 => format!("(result (error {one}))"),
            5 if nests => format!("(result {one})"),
            6 => "(result)".to_owned(),
            7 => format!("(stream {one})"),
            8 => format!("(future {one})"),
            9 => format!("(map string {one})"),
            10 => format!("(tuple{})", format!(" {one}").repeat(17)),
            _ => self.lists(one)?,
        })
    }

    /// Lists of a fixed length of such lists: small on paper, and large in memory.
    fn lists(&mut self, element: String) -> Result<String> {
        let length = *self.data.choose(&[1, 2, 17, 1000, 0x4000_0000])?;
        let mut list = element;
        for _ in 0..=self.data.int_in_range(0..=9)? {
            list = format!("(list {list} {length})");
        }
        Ok(list)
    }

    /// The name of a function and its type in the text format; `None` where the scope lacks a type
    /// that it needs.
    fn function(
        &mut self,
        spec: &'static str,
        scope: &[Type],
    ) -> Result<Option<(&'static str, String)>> {
        let mut function = Function::parse(spec);
        if self.odd(24)? {
            self.change(&mut function, scope)?;
        }
        let text = function.to_string();
        let named = function.name.strip_prefix('[');
        let named = named.and_then(|name| Some(name.split_once(']')?.1));
        let is_there = match named.and_then(resource_of) {
            Some(resource) => scope
                .iter()
                .any(|ty| ty.id == resource && ty.kind == Kind::Resource),
            None => true,
        };
        Ok((is_there && knows(scope, &text)).then_some((function.name, text)))
    }

    fn change(&mut self, function: &mut Function, scope: &[Type]) -> Result<()> {
        let params = function.params.len();
        let behind_self = usize::from(function.name.starts_with("[method]"));
        let position = self.data.int_in_range(behind_self..=params)?;
        let ty = self.type_in(scope, 3)?;
        match self.data.int_in_range(0..=6)? {
            0 if position < params => function.params[position].1 = ty,
            1 if position < params => drop(function.params.remove(position)),
            2 if position < params => function.params.swap(behind_self, position),
            3 => function.params.insert(position, ("more".to_owned(), ty)),
            4 => function.result = None,
            5 => function.is_async ^= true,
            _ => function.result = Some(ty),
        }
        Ok(())
    }

    /// Something else than an interface, or one that is none of WASI's.
    fn extra(&mut self, version: &str) -> Result<()> {
        let id = self.id("extra");
        let types = self.types.clone();
        let ty = self.type_in(&types, 2)?;
        if !self.items.is_empty() && self.once_in(2)? {
            let at = self.data.choose_index(self.items.len())?;
            self.alias(at);
        }
        let some = self.pick(&types)?.cloned();
        let mut new = None;
        let line = match (self.data.int_in_range(0..=13)?, some) {
            (0, _) => format!("(import \"{id}\" (func ${id} (param \"a\" {ty})))"),
            (1, _) => {
                new = Some(Kind::Resource);
                format!("(import \"{id}\" (type ${id} {RESOURCE}))")
            }
            (2, Some(Type { id: some, kind })) => {
                new = Some(kind);
                format!("(import \"{id}\" (type ${id} (eq ${some})))")
            }
            (3, _) => {
                new = Some(Kind::Other);
                format!("(type ${id} {ty})")
            }
            (4, _) => format!(
                "(import \"{id}\" (core module (import \"a\" \"b\" (func)) (export \"c\" (memory 1))))"
            ),
            (5, _) => format!(
                "(import \"{id}\" (component (import \"f\" (func (param \"a\" {ty}))) (export \"g\" (func))))"
            ),
            (6, _) => {
                format!("(import \"{id}\" (value ${id} {ty})) (export \"{id}-out\" (value ${id}))")
            }
            (7, _) => {
                let spelling = self.data.choose(&SPELLINGS)?;
                let kind = self.data.choose(&["(instance)", "(component)", "(func)"])?;
                format!("(import \"{spelling}\" {kind})")
            }
            (8, _) => format!(
                "(core type ${id} (func (param i64)))\n\
                 (import \"{id}\" (core module (alias outer 1 ${id} (type $t)) (export \"f\" (func (type $t)))))"
            ),
            (9, _) => {
                new = Some(Kind::Resource);
                format!("(type ${id} (resource (rep i32)))")
            }
            (10, Some(Type { id: some, .. })) => format!(
                "(import \"test:more/{id}@{version}\" (instance ${id} (export \"t\" (type (eq ${some})))))"
            ),
            (11, Some(Type { id: some, kind })) => {
                new = Some(kind);
                format!("(export ${id} \"{id}\" (type ${some}))")
            }
            (12, _) => {
                new = Some(Kind::Other);
                format!("(type ${id} {})", self.lists(ty)?)
            }
            _ => {
                let definition = self.definition(&types)?;
                new = Some(Kind::of(&definition)).filter(|kind| *kind != Kind::Resource);
                format!("(type ${id}d {definition}) (import \"{id}\" (type ${id} (eq ${id}d)))")
            }
        };
        self.line(&line);
        self.types.extend(new.map(|kind| Type { id, kind }));
        Ok(())
    }

    fn exports(&mut self) -> Result<()> {
        self.line(CORE);
        self.lowers()?;
        self.line("(func $run (canon lift (core func $lib \"nothing\")))");
        for _ in 0..self.data.int_in_range(0..=3)? {
            if !self.items.is_empty() {
                let at = self.data.choose_index(self.items.len())?;
                self.alias(at);
            }
            self.export()?;
        }
        let name = match self.data.int_in_range(0..=7)? {
            1 => "wasi:http/incoming-handler@0.2.0",
            2 => "wasi:sockets/tcp@0.2.0",
            3 => "test:own/e",
            _ => "wasi:cli/run@0.2.0",
        };
        self.line(&format!(
            "(instance $exported (export \"run\" (func $run)))\n\
             (export \"{name}\" (instance $exported))"
        ));
        Ok(())
    }

    /// Functions and drops that core code would be given, alone and in bags.
    fn lowers(&mut self) -> Result<()> {
        self.line("(alias core export $lib \"memory\" (core memory $memory))");
        self.line("(alias core export $lib \"realloc\" (core func $realloc))");
        let mut lowered = Vec::new();
        for (instance, name) in self.functions.clone() {
            if !self.once_in(2)? {
                continue;
            }
            let id = self.id("lowered");
            let options = match self.once_in(4)? {
                true => "",
                false => "(memory $memory) (realloc $realloc)",
            };
            self.line(&format!(
                "(alias export ${instance} \"{name}\" (func ${id}-of))\n\
                 (core func ${id} (canon lower (func ${id}-of) {options}))"
            ));
            lowered.push(id);
        }
        let types = self.types.clone();
        for ty in types.iter().filter(|ty| ty.kind == Kind::Resource) {
            if self.once_in(2)? {
                let id = self.id("drop");
                self.line(&format!(
                    "(core func ${id} (canon resource.drop ${}))",
                    ty.id
                ));
                lowered.push(id);
            }
        }
        while !lowered.is_empty() {
            let count = self.data.int_in_range(1..=lowered.len())?;
            let bag = self.id("bag");
            let exports: String = lowered
                .drain(..count)
                .map(|id| format!("(export \"{id}\" (func ${id}))"))
                .collect();
            self.line(&format!("(core instance ${bag} {exports})"));
            if self.once_in(3)? {
                self.line(&format!(
                    "(core instance (instantiate $core (with \"a\" (instance ${bag}))))"
                ));
            }
        }
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let id = self.id("export");
        let types = self.types.clone();
        let some = self.pick(&types)?.cloned();
        let line = match (self.data.int_in_range(0..=9)?, some) {
            (0, Some(ty)) => {
                let (flat, with_result) = (self.flat(&ty)?, self.once_in(2)?);
                let (core, signature) = match with_result {
                    true => ("swap", format!("(param \"a\" {flat}) (result {flat})")),
                    false => ("take", format!("(param \"a\" {flat})")),
                };
                let ascription = match self.once_in(2)? {
                    true => format!("(func {signature})"),
                    false => String::new(),
                };
                format!(
                    "(func ${id} {signature} (canon lift (core func $lib \"{core}\")))\n\
                     (export \"{id}\" (func ${id}) {ascription})"
                )
            }
            (1, Some(Type { id: some, .. })) => format!(
                "(instance ${id} (export \"run\" (func $run)) (export \"t\" (type ${some})))\n\
                 (export \"test:own/{id}\" (instance ${id}))"
            ),
            (2, _) if !self.instances.is_empty() => {
                let instance = self.data.choose(&self.instances)?;
                format!("(export \"test:own/{id}\" (instance ${instance}))")
            }
            (3, _) if !self.functions.is_empty() => {
                let (instance, name) = self.data.choose(&self.functions)?;
                format!(
                    "(alias export ${instance} \"{name}\" (func ${id}))\n\
                     (export \"{id}\" (func ${id}))"
                )
            }
            (
                4,
                Some(Type {
                    id: some,
                    kind: Kind::Resource,
                }),
            ) => format!(
                "(func ${id} (param \"a\" (own ${some})) (canon lift (core func $lib \"take\")))\n\
                 (component ${id}-shim\n  (import \"t\" (type $t {RESOURCE}))\n  \
                 (import \"f\" (func $f (param \"a\" (own $t))))\n  \
                 (export $u \"t\" (type $t))\n  \
                 (export \"f\" (func $f) (func (param \"a\" (own $u)))))\n\
                 (instance ${id}-shim (instantiate ${id}-shim (with \"t\" (type ${some})) \
                 (with \"f\" (func ${id}))))\n\
                 (export \"test:own/{id}\" (instance ${id}-shim))"
            ),
            (5, Some(Type { id: some, .. })) => format!("(export \"{id}\" (type ${some}))"),
            (6, _) => format!(
                "(component ${id} (import \"f\" (func)) (export \"g\" (func 0)))\n\
                 (export \"{id}\" (component ${id}))"
            ),
            (7, _) => format!("(export \"{id}\" (core module $core))"),
            (8, _) if !self.functions.is_empty() => {
                let (instance, name) = self.data.choose(&self.functions)?;
                format!(
                    "(core func ${id} (canon lower (func ${instance} \"{name}\") \
                     (memory $lib \"memory\") (realloc (func $lib \"realloc\"))))"
                )
            }
            _ => format!(
                "(func ${id} (param \"a\" string) (canon lift (core func $lib \"take-two\") \
                 (memory $lib \"memory\") (realloc (func $lib \"realloc\"))))\n\
                 (export \"{id}\" (func ${id}))"
            ),
        };
        self.line(&line);
        Ok(())
    }

    /// A type that is passed as an `i32`.
    fn flat(&mut self, ty: &Type) -> Result<String> {
        let Type { id, kind } = ty;
        Ok(match kind {
            Kind::Resource if self.once_in(8)? => format!("(stream (own ${id}))"),
            Kind::Resource => format!("(own ${id})"),
            Kind::Enum => format!("${id}"),
            Kind::Other => "u32".to_owned(),
        })
    }
}

/// Whether the scope has each type that a text names.
fn knows(scope: &[Type], text: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
    let mut ids = text.split(ends).filter_map(|word| word.strip_prefix('$'));
    ids.all(|id| scope.iter().any(|ty| ty.id == id))
}

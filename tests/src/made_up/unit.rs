//! Components whose core modules call what they import.

use super::code::{self, Callee, HEAP, Lowered, What};
use super::function::Function;
use super::interfaces::{INTERFACES, RESOURCE};
use super::types::{Resource, Scope, Ty};
use arbitrary::{Result, Unstructured};
use std::fmt::Write;

/// The text of a component, without the parentheses around it, and the functions that it exports.
pub(super) struct Text {
    pub(super) body: String,
    pub(super) exports: Vec<String>,
}

/// Imports of a component, in the text format.
#[derive(Default)]
pub(super) struct Imports {
    pub(super) text: String,
    /// Their names, which are the identifiers of the instances too.
    pub(super) names: Vec<String>,
    callees: Vec<Callee>,
    /// Resources, each with an instance that exports its type.
    resources: Vec<(Resource, String)>,
}

impl Imports {
    /// The interfaces in these versions. One function in `kept` is left out at random.
    pub(super) fn of(
        data: &mut Unstructured<'_>,
        versions: &[&'static str],
        kept: u8,
    ) -> Result<Self> {
        let mut imports = Imports::default();
        for version in versions {
            // What takes sockets is refused where they are in memory.
            let all = INTERFACES
                .iter()
                .filter(|it| it.minor == 2 && it.package != "test:net");
            for interface in all {
                imports.add(data, Scope { interface, version }, kept)?;
            }
        }
        Ok(imports)
    }

    fn add(&mut self, data: &mut Unstructured<'_>, scope: Scope, kept: u8) -> Result<()> {
        let Scope { interface, version } = scope;
        let instance = format!("{}@{version}", interface.path());
        let mut body = String::new();
        for (from, names) in interface.uses {
            for name in *names {
                let _ = writeln!(
                    self.text,
                    "(alias export ${from}@{version} \"{name}\" (type ${instance}-{name}))"
                );
                let _ = writeln!(
                    body,
                    "  (export \"{name}\" (type ${name} (eq ${instance}-{name})))"
                );
                self.resource(scope, name, &instance);
            }
        }
        for (name, definition) in interface.types {
            let _ = match *definition {
                RESOURCE => writeln!(body, "  (export \"{name}\" (type ${name} {RESOURCE}))"),
                _ => writeln!(
                    body,
                    "  (type $def-{name} {definition}) (export \"{name}\" (type ${name} (eq $def-{name})))"
                ),
            };
            self.resource(scope, name, &instance);
        }
        for spec in interface.functions {
            if data.int_in_range(1..=kept)? < kept || kept == 1 {
                self.function(scope, spec, &instance, &mut body);
            }
        }
        let _ = writeln!(
            self.text,
            "(import \"{instance}\" (instance ${instance}\n{body}))"
        );
        self.names.push(instance);
        Ok(())
    }

    /// Notes a type if it is a resource.
    fn resource(&mut self, scope: Scope, name: &str, instance: &str) {
        if let Some(resource) = scope.resource(name) {
            self.resources.push((resource, instance.to_owned()));
        }
    }

    fn function(&mut self, scope: Scope, spec: &'static str, instance: &str, body: &mut String) {
        let function = Function::parse(spec);
        let _ = writeln!(body, "  (export \"{}\" {function})", function.name);
        let params = function.params.iter().map(|(_, ty)| scope.ty(ty));
        self.callees.push(Callee {
            instance: instance.to_owned(),
            name: function.name,
            params: params.collect(),
            result: function.result.as_ref().map(|ty| scope.ty(ty)),
        });
    }
}

/// A component that calls some of its imports.
pub(super) fn unit(data: &mut Unstructured<'_>, versions: &[&'static str]) -> Result<Text> {
    let kept = *data.choose(&[1, 4, 2])?;
    let imports = Imports::of(data, versions, kept)?;
    let mut text = Text {
        body: imports.text.clone(),
        exports: Vec::new(),
    };
    for number in 0..=data.int_in_range(0..=1)? {
        Core {
            number,
            imports: &imports,
        }
        .write(data, &mut text)?;
    }
    Ok(text)
}

/// What instantiates a core module that has a memory of its own.
struct Core<'i> {
    /// Tells its identifiers from those of others.
    number: usize,
    imports: &'i Imports,
}

impl Core<'_> {
    fn write(&self, data: &mut Unstructured<'_>, text: &mut Text) -> Result<()> {
        let c = self.number;
        let lowered = self.lowered(data)?;
        let runs = 0..data.int_in_range(1..=3)?;
        let runs: Vec<String> = runs.map(|run| format!("run-{c}-{run}")).collect();
        let functions = code::functions(data, &lowered, &runs)?;
        let module = match data.arbitrary()? {
            true => self.memory_first(data, &lowered, &functions)?,
            false => self.by_table(data, &lowered, &functions)?,
        };
        text.body.push_str(&module);
        for run in runs {
            let _ = writeln!(
                text.body,
                "(func ${run} (result (list u8)) (canon lift (core func $main{c} \"{run}\") \
                 (memory $mem{c})))\n(export \"{run}\" (func ${run}))"
            );
            text.exports.push(run);
        }
        Ok(())
    }

    /// Functions that are imported, and drops of all that they can give.
    fn lowered(&self, data: &mut Unstructured<'_>) -> Result<Vec<Lowered>> {
        let mut all = Vec::new();
        for callee in &self.imports.callees {
            // Now and then one is lowered twice.
            for _ in 0..*data.choose(&[1, 0, 1, 2])? {
                all.push(What::Call(callee.clone()));
            }
        }
        for (resource, instance) in &self.imports.resources {
            if data.int_in_range(0..=2)? < 2 {
                all.push(What::Drop(resource.clone(), instance.clone()));
            }
        }
        let ids = (0..).map(|number| format!("f{}-{number}", self.number));
        let all = ids.zip(all).map(|(id, what)| Lowered { id, what });
        Ok(all.collect())
    }

    /// The memory is in a module of its own, so that functions can be lowered before there is
    /// anybody to call them.
    fn memory_first(
        &self,
        data: &mut Unstructured<'_>,
        lowered: &[Lowered],
        functions: &str,
    ) -> Result<String> {
        let c = self.number;
        let mut out = format!(
            "(core module $memory{c}\n{})\n(core instance $memory{c} (instantiate $memory{c}))\n",
            memory()
        );
        out.push_str(&self.options("memory"));
        let bags = self.bags(data, lowered, &mut out)?;
        let _ = writeln!(
            out,
            "(core module $main{c}\n{}(import \"memory\" \"memory\" (memory 32))\n{functions})\n\
             (core instance $main{c} (instantiate $main{c} (with \"memory\" (instance $memory{c})){}))",
            bags.imports(),
            bags.arguments(c)
        );
        Ok(out)
    }

    /// The module has the memory, and calls through a table that is filled behind it.
    fn by_table(
        &self,
        data: &mut Unstructured<'_>,
        lowered: &[Lowered],
        functions: &str,
    ) -> Result<String> {
        let (c, count) = (self.number, lowered.len());
        let mut out =
            format!("(core module $table{c} (table (export \"table\") {count} {count} funcref)\n");
        for (number, it) in lowered.iter().enumerate() {
            let signature = it.signature();
            let params = 0..signature.params.len();
            let params: String = params.map(|at| format!(" (local.get {at})")).collect();
            let _ = writeln!(
                out,
                "(func (export \"{}\"){signature}\n  (call_indirect{signature}{params} (i32.const {number})))",
                it.id
            );
        }
        let table = Bags(vec![lowered.to_vec()]);
        let _ = writeln!(
            out,
            ")\n(core instance $table{c} (instantiate $table{c}))\n\
             (core module $main{c}\n{}{}\n{functions})\n\
             (core instance $main{c} (instantiate $main{c} (with \"bag0\" (instance $table{c}))))",
            table.imports(),
            memory()
        );
        out.push_str(&self.options("main"));
        let bags = self.bags(data, lowered, &mut out)?;
        let ids: String = lowered.iter().map(|it| format!(" ${}", it.id)).collect();
        let _ = writeln!(
            out,
            "(core module $fill{c}\n{}(import \"table\" \"table\" (table {count} funcref))\n\
             (elem (i32.const 0) func{ids}))\n\
             (core instance (instantiate $fill{c} (with \"table\" (instance $table{c})){}))",
            bags.imports(),
            bags.arguments(c)
        );
        Ok(out)
    }

    /// Names for the memory of an instance, and for what gives room in it.
    fn options(&self, instance: &str) -> String {
        let c = self.number;
        format!(
            "(alias core export ${instance}{c} \"memory\" (core memory $mem{c}))\n\
             (alias core export ${instance}{c} \"realloc\" (core func $realloc{c}))\n"
        )
    }

    /// Lowers the functions in any order, in bags of any size.
    fn bags(
        &self,
        data: &mut Unstructured<'_>,
        lowered: &[Lowered],
        out: &mut String,
    ) -> Result<Bags> {
        let mut rest = lowered.to_vec();
        let mut bags = Vec::new();
        while !rest.is_empty() {
            let count = data.int_in_range(1..=rest.len())?;
            let mut bag = Vec::new();
            for _ in 0..count {
                let it = rest.swap_remove(data.choose_index(rest.len())?);
                out.push_str(&self.lower(data, &it)?);
                bag.push(it);
            }
            let exports = bag
                .iter()
                .map(|it| format!(" (export \"{0}\" (func ${0}))", it.id));
            let exports: String = exports.collect();
            let _ = writeln!(
                out,
                "(core instance $bag{}-{}{exports})",
                self.number,
                bags.len()
            );
            bags.push(bag);
        }
        Ok(Bags(bags))
    }

    fn lower(&self, data: &mut Unstructured<'_>, lowered: &Lowered) -> Result<String> {
        let (c, id) = (self.number, &lowered.id);
        Ok(match &lowered.what {
            What::Call(callee) => {
                let gives_lists = callee.result.as_ref().is_some_and(Ty::has_list);
                let mut options = String::new();
                if callee.needs_memory() || data.arbitrary()? {
                    let _ = write!(options, " (memory $mem{c})");
                    if gives_lists || data.arbitrary()? {
                        let _ = write!(options, " (realloc $realloc{c})");
                    }
                }
                let Callee { instance, name, .. } = callee;
                format!("(core func ${id} (canon lower (func ${instance} \"{name}\"){options}))\n")
            }
            What::Drop(resource, instance) => format!(
                "(alias export ${instance} \"{}\" (type ${id}-type))\n\
                 (core func ${id} (canon resource.drop ${id}-type))\n",
                resource.name
            ),
        })
    }
}

/// A memory, and what gives room in it.
fn memory() -> String {
    format!(
        r#"(memory (export "memory") 32)
(global $heap (mut i32) (i32.const {HEAP}))
(func (export "realloc") (param i32 i32 i32 i32) (result i32)
  (global.set $heap (i32.and
    (i32.add (global.get $heap) (i32.sub (local.get 2) (i32.const 1)))
    (i32.sub (i32.const 0) (local.get 2))))
  (global.get $heap)
  (global.set $heap (i32.add (global.get $heap) (local.get 3))))"#
    )
}

/// Functions that are lowered, by the instances that they are given in.
struct Bags(Vec<Vec<Lowered>>);

impl Bags {
    /// What imports them.
    fn imports(&self) -> String {
        let mut text = String::new();
        for (bag, lowered) in self.0.iter().enumerate() {
            for it in lowered {
                let (id, signature) = (&it.id, it.signature());
                let _ = writeln!(
                    text,
                    "(import \"bag{bag}\" \"{id}\" (func ${id}{signature}))"
                );
            }
        }
        text
    }

    /// What gives them.
    fn arguments(&self, core: usize) -> String {
        let bags = 0..self.0.len();
        bags.map(|bag| format!(" (with \"bag{bag}\" (instance $bag{core}-{bag}))"))
            .collect()
    }
}

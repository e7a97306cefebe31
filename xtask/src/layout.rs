//! `cargo xtask layout`
//!
//! Where the Canonical ABI puts things in memory, as `wit/` has it: a module of constants for each
//! interface that the network serves, of WASI 0.2 and of 0.3. The code that travels inside components
//! reads and writes by these.

use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::fs;
use wit_parser::{Function, Interface, Resolve, SizeAlign, Type, TypeDefKind, TypeId};
use xshell::{Shell, cmd};

/// What is written: the adapter, the version of WASI, and its packages.
const LAYOUTS: [(&str, &str, &[&str]); 2] = [
    ("p2", "0.2", &["io", "clocks", "sockets"]),
    ("p3", "0.3", &["clocks", "sockets"]),
];

/// Writes the constants, or only compares them with what is there.
pub(crate) fn run(check: bool) -> Result<()> {
    LAYOUTS.iter().try_for_each(|layout| write(layout, check))
}

fn write(&(adapter, version, packages): &(&str, &str, &[&str]), check: bool) -> Result<()> {
    let path = crate::root().join(format!("virt-adapter/{adapter}/src/layout.rs"));
    let text = formatted(&constants(version, packages)?)?;
    if check {
        let there = fs::read_to_string(&path).unwrap_or_default();
        ensure!(
            there == text,
            "`{}` is not what `wit/` gives: run `cargo xtask layout`",
            path.display()
        );
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}

fn formatted(text: &str) -> Result<String> {
    let shell = Shell::new()?;
    let formatted = cmd!(shell, "rustfmt --edition 2024").stdin(text).read()?;
    Ok(format!("{formatted}\n"))
}

fn constants(version: &str, packages: &[&str]) -> Result<String> {
    let mut resolve = Resolve::default();
    for package in packages {
        let path = crate::root().join(format!("wit/{version}/{package}.wit"));
        let text = fs::read_to_string(&path)?;
        resolve.push_str(&path, &text)?;
    }
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    let writer = Constants {
        resolve,
        sizes,
        version,
    };
    let mut text = format!(
        "//! Where the Canonical ABI puts things in memory. `cargo xtask layout` writes this file from\n\
         //! `wit/{version}`.\n\n\
         #![allow(dead_code, reason = \"all of it is written, and some of it used\")]\n",
    );
    for (_, package) in writer.resolve.packages.iter() {
        if packages.contains(&package.name.name.as_str()) {
            for (name, id) in &package.interfaces {
                writer.interface(&mut text, name, &writer.resolve.interfaces[*id])?;
            }
        }
    }
    Ok(text)
}

struct Constants<'v> {
    resolve: Resolve,
    sizes: SizeAlign,
    version: &'v str,
}

impl Constants<'_> {
    fn interface(&self, text: &mut String, name: &str, interface: &Interface) -> Result<()> {
        let package = interface.package.context("an interface has a package")?;
        let package = &self.resolve.packages[package].name.name;
        let mut inside = String::new();
        for (name, id) in &interface.types {
            self.ty(&mut inside, name, *id)?;
        }
        for function in interface.functions.values() {
            self.function(&mut inside, function)?;
        }
        if !inside.is_empty() {
            let version = self.version;
            writeln!(text, "\n/// `wasi:{package}/{name}@{version}`")?;
            writeln!(text, "pub(crate) mod {} {{\n{inside}}}", snake(name))?;
        }
        Ok(())
    }

    fn ty(&self, text: &mut String, name: &str, id: TypeId) -> Result<()> {
        let ty = Type::Id(id);
        match &self.resolve.types[id].kind {
            TypeDefKind::Enum(def) => {
                self.open(text, name, &ty)?;
                cases(text, def.cases.iter().map(|case| &*case.name))?;
            }
            TypeDefKind::Variant(def) => {
                self.open(text, name, &ty)?;
                self.payload(
                    text,
                    def.tag(),
                    def.cases.iter().map(|case| case.ty.as_ref()),
                )?;
                cases(text, def.cases.iter().map(|case| &*case.name))?;
            }
            TypeDefKind::Record(def) => {
                self.open(text, name, &ty)?;
                let fields = def.fields.iter();
                let offsets = self
                    .sizes
                    .field_offsets(fields.clone().map(|field| &field.ty));
                for (field, (offset, _)) in fields.zip(offsets) {
                    let offset = offset.size_wasm32();
                    writeln!(
                        text,
                        "pub(crate) const {}: usize = {offset};",
                        upper(&field.name)
                    )?;
                }
            }
            _ => return Ok(()),
        }
        writeln!(text, "}}")?;
        Ok(())
    }

    /// What a function writes where its result goes, if that is in memory.
    fn function(&self, text: &mut String, function: &Function) -> Result<()> {
        let Some(ty @ Type::Id(id)) = &function.result else {
            return Ok(());
        };
        let name = function
            .name
            .replace("[method]", "")
            .replace("[static]", "")
            .replace('.', "-");
        match &self.resolve.types[*id].kind {
            TypeDefKind::Result(result) => {
                self.open(text, &name, ty)?;
                let cases = [result.ok.as_ref(), result.err.as_ref()];
                self.payload(text, wit_parser::Int::U8, cases)?;
                self.parts(text, result.ok.as_ref())?;
                self.params(text, function)?;
            }
            TypeDefKind::List(_) => self.open(text, &name, ty)?,
            _ => return Ok(()),
        }
        writeln!(text, "}}")?;
        Ok(())
    }

    /// Where the parts of a tuple are.
    fn parts(&self, text: &mut String, ty: Option<&Type>) -> Result<()> {
        let Some(Type::Id(id)) = ty else {
            return Ok(());
        };
        if let TypeDefKind::Tuple(tuple) = &self.resolve.types[*id].kind {
            let offsets = self.sizes.field_offsets(&tuple.types);
            for (number, (offset, _)) in offsets.into_iter().enumerate() {
                let offset = offset.size_wasm32();
                writeln!(text, "pub(crate) const PART_{number}: usize = {offset};")?;
            }
        }
        Ok(())
    }

    /// Where an async function has its parameters, if they are in memory.
    fn params(&self, text: &mut String, function: &Function) -> Result<()> {
        if !function.kind.is_async() {
            return Ok(());
        }
        let types = function.params.iter().map(|param| &param.ty);
        for (param, (offset, _)) in function.params.iter().zip(self.sizes.field_offsets(types)) {
            let (name, offset) = (upper(&param.name), offset.size_wasm32());
            writeln!(text, "pub(crate) const {name}: usize = {offset};")?;
            let Type::Id(id) = param.ty else { continue };
            if let TypeDefKind::Option(some) = &self.resolve.types[id].kind {
                let payload = self
                    .sizes
                    .payload_offset(wit_parser::Int::U8, [None, Some(some)]);
                let payload = offset + payload.size_wasm32();
                writeln!(text, "pub(crate) const {name}_PAYLOAD: usize = {payload};")?;
            }
        }
        Ok(())
    }

    fn open(&self, text: &mut String, name: &str, ty: &Type) -> Result<()> {
        let size = self.sizes.size(ty).size_wasm32();
        writeln!(text, "pub(crate) mod {} {{", snake(name))?;
        writeln!(text, "pub(crate) const SIZE: usize = {size};")?;
        Ok(())
    }

    fn payload<'a>(
        &self,
        text: &mut String,
        tag: wit_parser::Int,
        cases: impl IntoIterator<Item = Option<&'a Type>>,
    ) -> Result<()> {
        let offset = self.sizes.payload_offset(tag, cases).size_wasm32();
        writeln!(text, "pub(crate) const PAYLOAD: usize = {offset};")?;
        Ok(())
    }
}

fn cases<'a>(text: &mut String, names: impl Iterator<Item = &'a str>) -> Result<()> {
    for (number, name) in names.enumerate() {
        writeln!(text, "pub(crate) const {}: u8 = {number};", upper(name))?;
    }
    Ok(())
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn upper(name: &str) -> String {
    snake(name).to_uppercase()
}

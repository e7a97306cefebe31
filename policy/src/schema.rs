//! The JSON Schema of the file, from the keys that the reader knows.

use crate::file::keys::{self, Section, Value};
use crate::{Denial, DenyAt, DnsMode, Log, LoopbackMode, OnDeadlock, Operation, Policy, Protocol};
use std::fmt::Write;

impl Policy {
    /// The JSON Schema (draft 2020-12) of the policy file, for editors.
    ///
    /// It says which keys there are and what they take; that patterns parse and rules make sense is
    /// for [`from_toml`](Policy::from_toml).
    pub fn json_schema() -> String {
        let mut schema = Json::default();
        schema.open();
        schema.text("$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.text("title", "sockvirt policy");
        section(&mut schema, &keys::FILE);
        schema.close();
        schema.out.push('\n');
        schema.out
    }
}

/// The members of the object that a table is.
fn section(schema: &mut Json, section: &Section) {
    schema.text("description", section.about);
    schema.text("type", "object");
    schema.raw("additionalProperties", "false");
    let required: Vec<_> = section.keys.iter().filter(|key| key.required).collect();
    if !required.is_empty() {
        let names: Vec<_> = required.iter().map(|key| key.name).collect();
        schema.list("required", &names);
    }
    schema.member("properties");
    schema.open();
    for key in section.keys {
        schema.member(key.name);
        schema.open();
        if !matches!(key.value, Value::Section(_)) {
            schema.text("description", key.about);
        }
        value(schema, key.value);
        schema.close();
    }
    schema.close();
}

fn value(schema: &mut Json, value: Value) {
    match value {
        Value::One => schema.raw("const", "1"),
        Value::Text => schema.text("type", "string"),
        Value::Flag => schema.text("type", "boolean"),
        Value::DenyAt => schema.list("enum", &DenyAt::ALL.map(DenyAt::name)),
        Value::Log => schema.list("enum", &Log::ALL.map(Log::name)),
        Value::DnsMode => schema.list("enum", &DnsMode::ALL.map(DnsMode::name)),
        Value::LoopbackMode => schema.list("enum", &LoopbackMode::ALL.map(LoopbackMode::name)),
        Value::OnDeadlock => schema.list("enum", &OnDeadlock::ALL.map(OnDeadlock::name)),
        Value::Denial => schema.list("enum", &Denial::ALL.map(Denial::name)),
        Value::LookupDenial => schema.list("enum", &denials(Operation::Resolve)),
        Value::Operations => {
            let names = Operation::ALL.map(Operation::name);
            one_or_many(schema, |schema| schema.list("enum", &names));
        }
        Value::Protocol => schema.list("enum", &Protocol::ALL.map(Protocol::name)),
        Value::Targets | Value::Addresses => {
            one_or_many(schema, |schema| schema.text("type", "string"));
        }
        Value::Ports => one_or_many(schema, port),
        Value::Hosts => {
            schema.text("type", "object");
            schema.member("additionalProperties");
            schema.open();
            section(schema, &keys::HOST);
            schema.raw("minProperties", "1");
            schema.raw("maxProperties", "1");
            schema.close();
        }
        Value::ByOperation => by_operation(schema),
        Value::Section(of) => section(schema, of),
        Value::Rules(of) => {
            schema.text("type", "array");
            schema.member("items");
            schema.open();
            section(schema, of);
            schema.close();
        }
        Value::Later => schema.raw("not", "{}"),
    }
}

fn by_operation(schema: &mut Json) {
    schema.text("type", "object");
    schema.raw("additionalProperties", "false");
    schema.member("properties");
    schema.open();
    for operation in Operation::ALL {
        if operation != Operation::Resolve {
            schema.member(operation.name());
            schema.open();
            schema.list("enum", &denials(operation));
            schema.close();
        }
    }
    schema.close();
}

fn denials(operation: Operation) -> Vec<&'static str> {
    Denial::fitting(operation).map(Denial::name).collect()
}

fn port(schema: &mut Json) {
    schema.member("anyOf");
    schema.out.push('[');
    schema.open();
    schema.text("type", "integer");
    schema.raw("minimum", "0");
    schema.raw("maximum", "65535");
    schema.close();
    schema.out.push_str(", ");
    schema.open();
    schema.text("type", "string");
    schema.text("pattern", "^(\\*|[0-9]+( *- *[0-9]+)?)$");
    schema.close();
    schema.out.push(']');
}

/// One value, or a list of at least one.
fn one_or_many(schema: &mut Json, one: impl Fn(&mut Json)) {
    schema.member("oneOf");
    schema.out.push('[');
    schema.open();
    one(schema);
    schema.close();
    schema.out.push_str(", ");
    schema.open();
    schema.text("type", "array");
    schema.raw("minItems", "1");
    schema.member("items");
    schema.open();
    one(schema);
    schema.close();
    schema.close();
    schema.out.push(']');
}

/// JSON that is being written. Writing to a `String` cannot fail.
#[derive(Default)]
struct Json {
    out: String,
    depth: usize,
    /// Whether the object at hand has a member.
    begun: bool,
}

impl Json {
    fn open(&mut self) {
        self.out.push('{');
        self.depth += 1;
        self.begun = false;
    }

    fn close(&mut self) {
        self.depth -= 1;
        let _ = write!(self.out, "\n{:1$}}}", "", self.depth * 2);
        self.begun = true;
    }

    fn member(&mut self, name: &str) {
        let comma = if self.begun { "," } else { "" };
        let _ = write!(self.out, "{comma}\n{:1$}", "", self.depth * 2);
        self.string(name);
        self.out.push_str(": ");
        self.begun = true;
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.member(name);
        self.out.push_str(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.member(name);
        self.string(value);
    }

    fn list(&mut self, name: &str, values: &[&str]) {
        self.member(name);
        self.out.push('[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.string(value);
        }
        self.out.push(']');
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                self.out.push('\\');
            }
            self.out.push(character);
        }
        self.out.push('"');
    }
}

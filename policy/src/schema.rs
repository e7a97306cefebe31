//! The JSON Schema of the file, from the keys that the reader knows.

use crate::file::keys::{self, Section, Value};
use crate::file::script::kinds::KINDS;
use crate::file::script::{keys as script, limits};
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
        definitions(&mut schema);
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
        Value::Targets | Value::Addresses | Value::Texts => {
            one_or_many(schema, |schema| schema.text("type", "string"));
        }
        Value::Ports => one_or_many(schema, port),
        Value::Hosts => {
            schema.text("type", "object");
            schema.member("additionalProperties");
            schema.open();
            section(schema, &keys::HOST);
            either(schema, &["answer", "fail"]);
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
        Value::OneOf(words) => schema.list("enum", &words()),
        Value::Number(least, most) => number(schema, least, most),
        Value::True => schema.raw("const", "true"),
        Value::Amount => either_of(
            schema,
            &[&|schema| schema.raw("const", "true"), &|schema| {
                number(schema, 1, limits::REPEAT);
            }],
        ),
        Value::Time => {
            schema.text("type", "string");
            schema.text("pattern", "^(0|[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))$");
        }
        Value::Count => either_of(
            schema,
            &[&|schema| number(schema, 1, u32::MAX.into()), &|schema| {
                schema.text("type", "string");
                schema.text("pattern", "^[0-9]+(\\+|-[0-9]+)?$");
            }],
        ),
        Value::Bytes => schema.text("$ref", "#/$defs/bytes"),
        Value::Steps => schema.text("$ref", "#/$defs/steps"),
        Value::Length => either_of(
            schema,
            &[&|schema| number(schema, 1, limits::FRAME), &|schema| {
                section(schema, &script::PREFIX);
            }],
        ),
        Value::Lengths => {
            schema.text("type", "array");
            schema.raw("minItems", "1");
            schema.member("items");
            schema.open();
            number(schema, 1, limits::FRAME);
            schema.close();
        }
        Value::Found => either_of(
            schema,
            &[
                &|schema| one_or_many(schema, |schema| schema.text("type", "string")),
                &|schema| {
                    section(schema, &keys::LATER);
                    either(schema, &["answer", "fail"]);
                },
            ],
        ),
    }
}

/// What is in itself: bytes are joined of bytes, and steps are in loops.
fn definitions(schema: &mut Json) {
    schema.member("$defs");
    schema.open();
    schema.member("bytes");
    schema.open();
    schema.text("description", script::BYTES.about);
    one_or_none(schema, |schema| {
        either_of(
            schema,
            &[&|schema| schema.text("type", "string"), &|schema| {
                section(schema, &script::BYTES);
            }],
        );
    });
    schema.close();
    schema.member("steps");
    schema.open();
    schema.text("type", "array");
    schema.member("items");
    schema.open();
    schema.member("anyOf");
    schema.array(&KINDS, |schema, kind| section(schema, kind.section));
    schema.close();
    schema.close();
    schema.close();
}

fn number(schema: &mut Json, least: u64, most: u64) {
    schema.text("type", "integer");
    schema.raw("minimum", &least.to_string());
    schema.raw("maximum", &most.to_string());
}

/// One of several keys is there.
fn either(schema: &mut Json, keys: &[&str]) {
    schema.member("oneOf");
    schema.array(keys, |schema, key| schema.list("required", &[key]));
}

/// What a schema can be.
type Choice<'a> = &'a dyn Fn(&mut Json);

/// One of several schemas holds.
fn either_of(schema: &mut Json, choices: &[Choice<'_>]) {
    schema.member("anyOf");
    schema.array(choices, |schema, choice| choice(schema));
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
    either_of(
        schema,
        &[&|schema| number(schema, 0, u16::MAX.into()), &|schema| {
            schema.text("type", "string");
            schema.text("pattern", "^(\\*|[0-9]+( *- *[0-9]+)?)$");
        }],
    );
}

/// One value, or a list of at least one.
fn one_or_many(schema: &mut Json, one: impl Fn(&mut Json)) {
    one_or_list(schema, one, 1);
}

/// One value, or a list of them.
fn one_or_none(schema: &mut Json, one: impl Fn(&mut Json)) {
    one_or_list(schema, one, 0);
}

fn one_or_list(schema: &mut Json, one: impl Fn(&mut Json), least: u64) {
    schema.member("oneOf");
    let many = |schema: &mut Json| {
        schema.text("type", "array");
        if least > 0 {
            schema.raw("minItems", &least.to_string());
        }
        schema.member("items");
        schema.open();
        one(schema);
        schema.close();
    };
    let choices: [Choice<'_>; 2] = [&one, &many];
    schema.array(&choices, |schema, choice| choice(schema));
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

    /// Objects, with what is in each.
    fn array<T>(&mut self, items: &[T], each: impl Fn(&mut Json, &T)) {
        self.out.push('[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.open();
            each(self, item);
            self.close();
        }
        self.out.push(']');
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

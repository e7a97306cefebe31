//! Types of values, from the text that interfaces are declared in, and how they are passed.

use super::interfaces::{INTERFACES, Interface, RESOURCE};

/// What matters of a type where its values are passed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ty {
    /// An integer of so many bytes.
    Number(u32),
    List(Box<Ty>),
    /// A record or a tuple.
    Fields(Vec<Ty>),
    /// Whatever is one of several: a variant, an option, a result, an enum, or a `bool`.
    Cases(Vec<Option<Ty>>),
    Own(Resource),
    Borrow(Resource),
}

/// A resource, by the interface that defines it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Resource {
    pub(super) interface: String,
    pub(super) name: String,
    pub(super) version: &'static str,
}

/// A type of core WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Core {
    I32,
    I64,
}

impl Core {
    pub(super) fn name(self) -> &'static str {
        match self {
            Core::I32 => "i32",
            Core::I64 => "i64",
        }
    }
}

impl Ty {
    /// The numbers that a value is passed as.
    pub(super) fn flat(&self) -> Vec<Core> {
        match self {
            Ty::Number(8) => vec![Core::I64],
            Ty::Number(_) | Ty::Own(_) | Ty::Borrow(_) => vec![Core::I32],
            Ty::List(_) => vec![Core::I32, Core::I32],
            Ty::Fields(fields) => fields.iter().flat_map(Ty::flat).collect(),
            Ty::Cases(cases) => {
                let mut payload: Vec<Core> = Vec::new();
                for case in cases.iter().flatten() {
                    for (at, core) in case.flat().into_iter().enumerate() {
                        match payload.get_mut(at) {
                            Some(known) if *known != core => *known = Core::I64,
                            Some(_) => {}
                            None => payload.push(core),
                        }
                    }
                }
                payload.insert(0, Core::I32);
                payload
            }
        }
    }

    pub(super) fn align(&self) -> u32 {
        match self {
            Ty::Number(bytes) => *bytes,
            Ty::List(_) | Ty::Own(_) | Ty::Borrow(_) => 4,
            Ty::Fields(fields) => fields.iter().map(Ty::align).max().unwrap_or(1),
            Ty::Cases(cases) => payload_align(cases).max(tag(cases)),
        }
    }

    pub(super) fn size(&self) -> u32 {
        match self {
            Ty::Number(bytes) => *bytes,
            Ty::List(_) => 8,
            Ty::Own(_) | Ty::Borrow(_) => 4,
            Ty::Fields(fields) => {
                let end = offsets(fields).last().map_or(0, |(at, ty)| at + ty.size());
                end.next_multiple_of(self.align())
            }
            Ty::Cases(cases) => {
                let payload = cases.iter().flatten().map(Ty::size).max().unwrap_or(0);
                (payload_at(cases) + payload).next_multiple_of(self.align())
            }
        }
    }

    pub(super) fn has_list(&self) -> bool {
        match self {
            Ty::List(_) => true,
            Ty::Fields(fields) => fields.iter().any(Ty::has_list),
            Ty::Cases(cases) => cases.iter().flatten().any(Ty::has_list),
            Ty::Number(_) | Ty::Own(_) | Ty::Borrow(_) => false,
        }
    }

    /// Whether a handle of such a package is in it.
    pub(super) fn has_handle_of(&self, package: &str) -> bool {
        match self {
            Ty::Number(_) => false,
            Ty::List(element) => element.has_handle_of(package),
            Ty::Fields(fields) => fields.iter().any(|it| it.has_handle_of(package)),
            Ty::Cases(cases) => cases.iter().flatten().any(|it| it.has_handle_of(package)),
            Ty::Own(it) | Ty::Borrow(it) => it.interface.starts_with(package),
        }
    }
}

/// The bytes of the number that says which case it is.
pub(super) fn tag(cases: &[Option<Ty>]) -> u32 {
    if cases.len() <= 256 { 1 } else { 2 }
}

fn payload_align(cases: &[Option<Ty>]) -> u32 {
    cases.iter().flatten().map(Ty::align).max().unwrap_or(1)
}

/// Where what a case has begins.
pub(super) fn payload_at(cases: &[Option<Ty>]) -> u32 {
    tag(cases).next_multiple_of(payload_align(cases))
}

/// The fields, each with where it is.
pub(super) fn offsets(fields: &[Ty]) -> impl Iterator<Item = (u32, &Ty)> {
    let mut end = 0u32;
    fields.iter().map(move |field| {
        let at = end.next_multiple_of(field.align());
        end = at + field.size();
        (at, field)
    })
}

/// An interface in a version: where names of types are looked up.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    pub(super) interface: &'static Interface,
    pub(super) version: &'static str,
}

impl Scope {
    /// The type that a text says.
    pub(super) fn ty(self, text: &str) -> Ty {
        self.of(&Node::parse(text))
    }

    fn of(self, node: &Node) -> Ty {
        let Node::List(parts) = node else {
            return self.word(node.word());
        };
        let (head, rest) = (parts[0].word(), &parts[1..]);
        match head {
            "own" => Ty::Own(self.handle(&rest[0])),
            "borrow" => Ty::Borrow(self.handle(&rest[0])),
            "list" => Ty::List(Box::new(self.of(&rest[0]))),
            "tuple" => Ty::Fields(rest.iter().map(|it| self.of(it)).collect()),
            "record" => Ty::Fields(rest.iter().map(|it| self.of(&it.parts()[2])).collect()),
            "option" => Ty::Cases(vec![None, Some(self.of(&rest[0]))]),
            "enum" => Ty::Cases(vec![None; rest.len()]),
            "variant" => {
                let payload = |it: &Node| it.parts().get(2).map(|ty| self.of(ty));
                Ty::Cases(rest.iter().map(payload).collect())
            }
            "result" => {
                let is_error =
                    |it: &Node| matches!(it, Node::List(parts) if parts[0].word() == "error");
                let error = rest.iter().find(|it| is_error(it));
                let ok = rest.iter().find(|it| !is_error(it));
                Ty::Cases(vec![
                    ok.map(|it| self.of(it)),
                    error.map(|it| self.of(&it.parts()[1])),
                ])
            }
            _ => panic!("no such type: `{head}`"),
        }
    }

    fn word(self, word: &str) -> Ty {
        match word {
            "bool" => Ty::Cases(vec![None, None]),
            "u8" => Ty::Number(1),
            "u16" => Ty::Number(2),
            "u32" => Ty::Number(4),
            "u64" => Ty::Number(8),
            "string" => Ty::List(Box::new(Ty::Number(1))),
            _ => {
                let (scope, definition) = self.definition(word);
                scope.ty(definition)
            }
        }
    }

    /// The resource of this name, if it is one.
    pub(super) fn resource(self, word: &str) -> Option<Resource> {
        let (scope, definition) = self.definition(word);
        (definition == RESOURCE).then(|| Resource {
            interface: scope.interface.path(),
            name: word.trim_start_matches('$').to_owned(),
            version: scope.version,
        })
    }

    fn handle(self, node: &Node<'_>) -> Resource {
        let resource = self.resource(node.word());
        resource.unwrap_or_else(|| panic!("`{}` is no resource", node.word()))
    }

    /// What a name stands for, and where it is defined.
    fn definition(self, word: &str) -> (Scope, &'static str) {
        let name = word.trim_start_matches('$');
        let own = self.interface.types.iter().find(|(it, _)| *it == name);
        if let Some((_, definition)) = own {
            return (self, definition);
        }
        let mut uses = self.interface.uses.iter();
        let (path, _) = uses
            .find(|(_, names)| names.contains(&name))
            .unwrap_or_else(|| panic!("`{name}` is declared"));
        let interface = INTERFACES
            .iter()
            .find(|it| it.minor == 2 && it.path() == *path);
        Scope {
            interface: interface.expect("it is declared"),
            ..self
        }
        .definition(word)
    }
}

/// A text in parentheses.
enum Node<'t> {
    Word(&'t str),
    List(Vec<Node<'t>>),
}

impl<'t> Node<'t> {
    fn parse(text: &'t str) -> Node<'t> {
        let mut lists = vec![Vec::new()];
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            match first {
                '(' => lists.push(Vec::new()),
                ')' => {
                    let list = lists.pop().expect("a parenthesis is open");
                    lists.last_mut().expect("the text").push(Node::List(list));
                }
                _ => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')');
                    let (word, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
                    lists.last_mut().expect("the text").push(Node::Word(word));
                    rest = behind.trim_start();
                    continue;
                }
            }
            rest = rest[1..].trim_start();
        }
        let mut whole = lists.pop().expect("the text");
        whole.pop().expect("a type")
    }

    fn word(&self) -> &'t str {
        match self {
            Node::Word(word) => word,
            Node::List(_) => "",
        }
    }

    fn parts(&self) -> &[Node<'t>] {
        match self {
            Node::Word(_) => &[],
            Node::List(parts) => parts,
        }
    }
}

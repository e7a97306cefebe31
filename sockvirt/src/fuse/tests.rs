//! A rewriter that is broken on purpose is caught, by what reads its output back.

use super::*;
use crate::read::{Bodies, read};
use crate::test_guest::{guest, versions};
use sockvirt_netstack::script::Script;
use sockvirt_policy::Flag;
use wasm_encoder::reencode::{Error as Failed, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{ComponentExportKind, ComponentInstanceSection, ComponentSectionId, RawSection};
use wasmparser::{ComponentInstance, Parser, Payload};

/// A policy that has nothing but a network in memory, and one by which everything leads to the host
/// besides.
fn policies() -> [Policy; 2] {
    let everywhere = Policy::deny_all()
        .with_flag(Flag::allow("tcp://*:*").expect("a flag"))
        .expect("a rule")
        .with_flag(Flag::allow("send=udp://*:*").expect("a flag"))
        .expect("a rule");
    [Policy::deny_all(), everywhere]
}

/// What each of them is set up by, and the first one with a script besides.
fn setups<'s>(policies: &'s [Policy; 2], script: &'s Script) -> [Setup<'s>; 3] {
    let loads = false;
    let given = Some(Given { script, loads });
    let [memory, everywhere] = policies;
    [(memory, None), (everywhere, None), (memory, given)].map(|(policy, script)| Setup {
        policy,
        script,
        with_0_3: false,
    })
}

/// The same where sockets of 0.3 are on the network as well.
fn with_0_3(setup: Setup<'_>) -> Setup<'_> {
    Setup {
        with_0_3: true,
        ..setup
    }
}

/// A component that imports every function of `wasi:sockets`, and with them a clock's.
fn user() -> Vec<u8> {
    let [(resolve, world), _] = versions();
    guest(&resolve, world)
}

/// A component that imports what `user` does, with these inside.
fn around(user: &[u8], inside: &[&[u8]]) -> Vec<u8> {
    let mut whole = wasm_encoder::Component::new();
    let mut names = Vec::new();
    // What it imports comes first, with types and aliases among it.
    for payload in survey::outermost(user) {
        let payload = payload.expect("it is valid");
        match &payload {
            Payload::ModuleSection { .. } => break,
            Payload::ComponentImportSection(section) => {
                let imports = section.clone().into_iter();
                names.extend(imports.map(|it| it.expect("it is valid").name.name));
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = &user[range.start as usize..range.end as usize];
            whole.section(&RawSection { id, data });
        }
    }
    let mut instances = ComponentInstanceSection::new();
    for (component, bytes) in (0..).zip(inside) {
        whole.section(&RawSection {
            id: ComponentSectionId::Component as u8,
            data: bytes,
        });
        let inner = read(bytes, Bodies::All).expect("it is valid");
        let needed = |name: &str| inner.imports().any(|(_, it)| it.name.name == name);
        let args = (0..).zip(&names).filter(|(_, name)| needed(name));
        let args = args.map(|(index, name)| (*name, ComponentExportKind::Instance, index));
        instances.instantiate(component, args.collect::<Vec<_>>());
    }
    whole.section(&instances);
    whole.finish()
}

/// The network that components of a composition share.
fn hub(setup: Setup<'_>) -> Hub {
    let reach = reach(setup);
    let config = config::write(setup, reach, &Hosted::default());
    Hub::new(&config, reach.script, Hosted::default()).expect("it is written")
}

fn reach(setup: Setup<'_>) -> Reach {
    setup.reach()
}

/// A component with what is inside, as it is written where they share the network at `place`.
fn written(root: &Root<'_>, level: &Level<'_>, setup: Setup<'_>, place: Place) -> Option<Fused> {
    fuse_level(root, level, setup, place, None).ok()
}

/// Why a component is refused; nothing if it is not.
fn refused(fused: &Fused) -> String {
    let output = match read(&fused.component, Bodies::All) {
        Ok(output) => output,
        Err(e) => return e.to_string(),
    };
    match verify(fused, &output) {
        Ok(()) => String::new(),
        Err(e) => e.to_string(),
    }
}

/// A function that asks what an error means, beside nothing else that needs a memory.
const ASKS_FOR_A_CODE: &str = r#"(component
    (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
    (alias export $errors "error" (type $error))
    (import "wasi:sockets/network@0.2.0" (instance
        (export "error" (type $e (eq $error)))
        (export "network" (type (sub resource)))))
    (import "test:host/codes" (instance $codes
        (export "error" (type $e (eq $error)))
        (export "code-of" (func (param "error" (borrow $e)) (result (option u8))))))
    (core module $memory (memory (export "memory") 1))
    (core instance $memory (instantiate $memory))
    (core func $code-of (canon lower (func $codes "code-of") (memory $memory "memory")))
    (core module $main (import "" "code-of" (func (param i32 i32))))
    (core instance (instantiate $main
        (with "" (instance (export "code-of" (func $code-of)))))))"#;

#[test]
fn no_code_is_told_in_the_memory_of_who_asks() {
    let bytes = wat::parse_str(ASKS_FOR_A_CODE).expect("valid text");
    let root = read(&bytes, Bodies::All).expect("it is valid");
    let setup = Setup {
        policy: &Policy::deny_all(),
        script: None,
        with_0_3: false,
    };
    let level = Level::of(&root, reach(setup)).expect("it can be fused");
    assert_eq!(level.survey.canonicals.iter().flatten().count(), 1);
    let fused = written(&root, &level, setup, Place::Inside).expect("it is written");
    assert_eq!(refused(&fused), "");
}

/// A rewriter that forgets a function is caught, whichever it is.
#[test]
fn a_forgotten_function_is_found() {
    let bytes = user();
    let root = read(&bytes, Bodies::All).expect("it is valid");
    for setup in setups(&policies(), &Script::default()) {
        let mut level = Level::of(&root, reach(setup)).expect("it can be fused");
        forget(&root, &mut level, &[], setup, &|| Place::Inside, 1);
    }
}

/// The same where the network is beside the component, for sockets of 0.3 as well.
#[test]
fn a_forgotten_function_is_found_where_the_network_is_beside() {
    let bytes = user();
    let root = read(&bytes, Bodies::All).expect("it is valid");
    let (policies, script) = (policies(), Script::default());
    for setup in setups(&policies, &script) {
        let setup = with_0_3(setup);
        let mut level = Level::of(&root, setup.reach()).expect("it can be fused");
        forget(&root, &mut level, &[], setup, &|| Place::Outside, 2);
    }
}

/// The same in each of the components that share a network, however deep it is.
#[test]
fn a_forgotten_function_is_found_where_components_share_a_network() {
    let user = user();
    let bytes = around(&user, &[&user, &around(&user, &[&user])]);
    let root = read(&bytes, Bodies::All).expect("it is valid");
    for setup in setups(&policies(), &Script::default()) {
        let mut level = Level::of(&root, reach(setup)).expect("it can be fused");
        assert_eq!(level.users(), 2);
        let hub = hub(setup);
        let place = || Place::Here(hub.clone());
        for path in [&[0][..], &[1, 0]] {
            forget(&root, &mut level, path, setup, &place, 3);
        }
    }
}

/// The same where that one is beside all of them, for sockets of 0.3 as well.
#[test]
fn a_forgotten_function_is_found_where_components_share_a_network_beside() {
    let user = user();
    let bytes = around(&user, &[&user, &around(&user, &[&user])]);
    let root = read(&bytes, Bodies::All).expect("it is valid");
    for setup in setups(&policies(), &Script::default()) {
        let setup = with_0_3(setup);
        let mut level = Level::of(&root, setup.reach()).expect("it can be fused");
        for path in [&[0][..], &[1, 0]] {
            forget(&root, &mut level, path, setup, &|| Place::Outside, 5);
        }
    }
}

/// The component that a path of numbers leads to.
fn inside<'l, 'a>(level: &'l mut Level<'a>, path: &[usize]) -> &'l mut Level<'a> {
    let mut level = level;
    for number in path {
        level = &mut level.children[*number].level;
    }
    level
}

/// Forgets one function in so many of the component that a path leads to, each alone.
fn forget(
    root: &Root<'_>,
    level: &mut Level<'_>,
    path: &[usize],
    setup: Setup<'_>,
    place: &dyn Fn() -> Place,
    one_in: usize,
) {
    let fused = written(root, level, setup, place()).expect("it is written");
    assert_eq!(refused(&fused), "");
    let functions = inside(level, path).survey.canonicals.len();
    let mut forgotten = 0;
    for function in (0..functions).step_by(one_in) {
        let Some(replaced) = inside(level, path).survey.canonicals[function].take() else {
            continue;
        };
        if let Some(fused) = written(root, level, setup, place()) {
            assert_ne!(refused(&fused), "", "function {function}");
        }
        inside(level, path).survey.canonicals[function] = Some(replaced);
        forgotten += 1;
    }
    assert!(forgotten * one_in >= 80, "only {forgotten} functions");
}

/// A component that gives one inside of it, by the hub's name, another instance.
struct Swap {
    depth: u32,
    /// Which of those that are given the hub it is, and the instance.
    skip: usize,
    other: u32,
}

impl Reencode for Swap {
    type Error = std::convert::Infallible;
}

impl ReencodeComponent for Swap {
    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_instance(
        &mut self,
        instances: &mut ComponentInstanceSection,
        instance: ComponentInstance<'_>,
    ) -> Result<(), Failed> {
        let ComponentInstance::Instantiate {
            component_index,
            args,
        } = instance
        else {
            return component_utils::parse_component_instance(self, instances, instance);
        };
        let is_given = args.iter().any(|it| it.name == hub::NAME);
        let is_meant = self.depth == 0 && is_given && self.skip == 0;
        if self.depth == 0 && is_given {
            self.skip = self.skip.wrapping_sub(1);
        }
        let args = args.iter().map(|it| match it.name {
            hub::NAME if is_meant => (it.name, it.kind.into(), self.other),
            _ => (it.name, it.kind.into(), it.index),
        });
        instances.instantiate(component_index, args.collect::<Vec<_>>());
        Ok(())
    }
}

/// Has the component give the `number`th of those inside of it that need the hub the instance of the
/// impostor, which offers the same functions.
fn swapped(bytes: &[u8], number: usize) -> Vec<u8> {
    let output = read(bytes, Bodies::All).expect("it is valid");
    let instances = nested::instances(&output).expect("it is valid");
    let other = instances.iter().find(|it| it.is_of(&impostor()));
    let other = other.expect("it is there");
    let mut swap = Swap {
        depth: 0,
        skip: number,
        other: output.instance_index(other.at).expect("it is an instance"),
    };
    let mut written = wasm_encoder::Component::new();
    swap.parse_component(&mut written, Parser::new(0), bytes)
        .expect("it is valid");
    written.finish()
}

/// A network of its own, which is not the one that is shared.
fn impostor() -> Vec<u8> {
    let hub = Hub::new(b"another one", None, Hosted::default());
    hub.expect("it is written").component
}

const NOT_SHARED: &str = "the composed component was refused: a component inside is not given the \
                          network that is shared";

/// A component that is given another network than the one that is shared is found, wherever it is.
#[test]
fn another_network_than_the_shared_one_is_found() {
    let (user, other) = (user(), impostor());
    let bytes = around(&user, &[&other, &user, &around(&user, &[&other, &user])]);
    let root = read(&bytes, Bodies::All).expect("it is valid");
    let (policies, script) = (policies(), Script::default());
    let setups = setups(&policies, &script);
    for setup in setups.into_iter().chain(setups.map(with_0_3)) {
        let level = Level::of(&root, reach(setup)).expect("it can be fused");
        let write = || {
            let place = match setup.with_0_3 {
                true => Place::Outside,
                false => Place::Here(hub(setup)),
            };
            written(&root, &level, setup, place).expect("it is written")
        };
        assert_eq!(refused(&write()), "");
        for number in 0..2 {
            let mut fused = write();
            fused.component = swapped(&fused.component, number);
            assert_eq!(refused(&fused), NOT_SHARED);
        }
        // In the component that is inside, as it is in the whole then.
        let mut fused = write();
        let inner = &mut fused.inner[1].component;
        let before = std::mem::replace(inner, swapped(inner, 0));
        let mut parts = fused.component.windows(before.len());
        let at = parts.position(|it| it == before).expect("it is in it");
        fused.component[at..at + before.len()].copy_from_slice(inner);
        assert_eq!(refused(&fused), NOT_SHARED);
    }
}

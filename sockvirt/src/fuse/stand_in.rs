//! Writes what stands in for the functions that were left out: glue, and the network behind it.

use super::binding::Slot;
use super::copy::{Fuser, failed};
use super::glue::{Callee, Function, GIVEN, GUEST, Glue, TABLE};
use super::hooks::{Hook, Hooked, NETWORK};
use super::hosted;
use super::network::{Given, Network};
use super::renumber::LEFT_OUT;
use super::survey::Replaced;
use super::table;
use super::writer::Sort;
use crate::error::Error;
use crate::generate::abi::Signature;
use std::collections::{BTreeMap, HashMap};
use wasm_encoder::reencode::ReencodeComponent;
use wasm_encoder::{CanonicalOption, ExportKind};
use wasmparser::CanonicalFunction;

/// A canonical function that was left out, and whose stand-in is not written yet.
pub(super) struct Pending {
    /// Its index in the guest.
    pub(super) index: u32,
    pub(super) replaced: Replaced,
    pub(super) original: CanonicalFunction,
}

impl Fuser<'_> {
    /// Writes all that was put off: the stand-ins, a module for each memory, and the bags.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.functions);
        let any = pending.iter().find_map(|it| it.replaced.memory);
        let mut groups: BTreeMap<Option<u32>, Vec<Pending>> = BTreeMap::new();
        for it in pending {
            // What needs no memory goes with any.
            let memory = it.replaced.memory.or(any);
            groups.entry(memory).or_default().push(it);
        }
        for (memory, functions) in groups {
            self.add_glue(memory, functions)?;
        }
        for (index, bag) in std::mem::take(&mut self.bags) {
            let written = self.write_core_instance(bag)?;
            self.maps.settle(Sort::CoreInstance, index, written);
        }
        Ok(())
    }

    /// The network; the first who asks has it instantiated.
    pub(super) fn network(&mut self) -> Result<Network, Error> {
        if let Some(network) = self.network.take() {
            return Ok(network);
        }
        let hub = self.hub()?;
        let (network, module) = Network::add(
            &mut self.writer,
            self.surface.reach.script,
            &self.survey.inside,
            self.survey.bindings.len() as u32,
            self.config,
            hub,
        )?;
        // It is given what leads to the hub.
        self.glue.extend(hub.map(|_| module));
        Ok(network)
    }

    fn add_glue(&mut self, memory: Option<u32>, pending: Vec<Pending>) -> Result<(), Error> {
        let network = self.network()?;
        let mut given = Vec::new();
        let mut functions = Vec::new();
        for it in &pending {
            let function = self.glue_function(&network, it, &mut given)?;
            functions.push(function);
        }
        let mover = memory.map(|_| given.len() as u32);
        let mut places = Vec::new();
        if memory.is_some() {
            given.extend(network.mover.iter().cloned());
            places = self.bind(&network, &pending, &mut given);
        }
        let glue = Glue {
            functions,
            given: given.iter().map(|it| it.signature.clone()).collect(),
            mover,
            places,
        };
        let (module, numbers) = glue.module(memory.is_some());
        let instance = self.instantiate_glue(&network, &module, memory, &given);
        self.glue.push(module);
        let mut exported = HashMap::new();
        for (it, number) in pending.iter().zip(&numbers) {
            let index = *exported.entry(*number).or_insert_with(|| {
                self.writer
                    .core_alias(instance, &number.to_string(), ExportKind::Func)
            });
            self.maps.settle(Sort::CoreFunc, it.index, index);
        }
        self.network = Some(network);
        Ok(())
    }

    fn instantiate_glue(
        &mut self,
        network: &Network,
        module: &[u8],
        memory: Option<u32>,
        given: &[Given],
    ) -> u32 {
        let module = self.writer.core_module(module);
        let mut items: Vec<_> = (0..)
            .zip(given)
            .map(|(number, it): (u32, _)| (number.to_string(), ExportKind::Func, it.index))
            .collect();
        if memory.is_some() {
            items.push((TABLE.to_owned(), ExportKind::Table, network.table));
        }
        let mut args = vec![(GIVEN, self.writer.core_bag(&items))];
        if let Some(memory) = memory {
            let memory = self.maps.get(Sort::CoreMemory, memory);
            let bag = [("m".to_owned(), ExportKind::Memory, memory)];
            args.push((GUEST, self.writer.core_bag(&bag)));
        }
        self.writer.core_instantiate(module, &args)
    }

    /// What stands in for one function, and what it must be given.
    fn glue_function(
        &mut self,
        network: &Network,
        pending: &Pending,
        given: &mut Vec<Given>,
    ) -> Result<Function, Error> {
        let Hooked {
            hook,
            inside,
            route,
            signature,
        } = &pending.replaced.hooked;
        let mut give = |it: Given| {
            given.push(it);
            given.len() as u32 - 1
        };
        let mut of_network = |name: Option<&str>, signature: &Signature| {
            let function = name.map(|name| network.function(name, signature));
            function.transpose().map(|it| it.map(&mut give))
        };
        let inside = of_network(inside.as_deref(), signature)?;
        let (route, network_of) = match hook {
            Hook::Routed {
                answers,
                network: parameter,
            } => {
                let asked = if *answers { signature.params.len() } else { 1 };
                let gives_handle = |params: usize| Signature {
                    params: signature.params.iter().take(params).copied().collect(),
                    results: vec![wasm_encoder::ValType::I32],
                };
                let named = parameter.map(|_| NETWORK);
                (
                    of_network(route.as_deref(), &gives_handle(asked))?,
                    of_network(named, &gives_handle(0))?,
                )
            }
            Hook::Exchanged => {
                let exchanged = Signature {
                    params: signature.params.clone(),
                    results: signature.params.first().copied().into_iter().collect(),
                };
                (of_network(route.as_deref(), &exchanged)?, None)
            }
            _ => (None, None),
        };
        let host = match hook {
            Hook::Inside => None,
            _ => Some(give(Given {
                index: self.write_original(&pending.original)?,
                signature: signature.clone(),
            })),
        };
        let binding = self.survey.goes_by(&pending.replaced);
        Ok(Function {
            hook: hook.clone(),
            signature: signature.clone(),
            inside,
            host,
            route,
            network: network_of,
            binding: binding.map_or(0, |position| network.place(position)),
        })
    }

    /// Writes a canonical function as the guest has it.
    fn write_original(&mut self, original: &CanonicalFunction) -> Result<u32, Error> {
        let mut renumber = self.maps.renumber();
        renumber
            .parse_component_canonical(self.writer.canonicals(), original.clone())
            .map_err(failed)?;
        Ok(self.writer.added(Sort::CoreFunc))
    }

    /// What the bindings of these functions put into the table, where they are not there yet.
    fn bind(
        &mut self,
        network: &Network,
        pending: &[Pending],
        given: &mut Vec<Given>,
    ) -> Vec<(u32, Callee)> {
        let mut places = Vec::new();
        for binding in pending.iter().filter_map(|it| it.replaced.binding) {
            if !self.bound.insert(binding) {
                continue;
            }
            let position = self.survey.bindings.iter().position(|it| *it == binding);
            let first = network.place(position.unwrap_or_default());
            let mut put = |slot: Slot, callee| places.push((first + slot as u32, callee));
            let mut give = |slot: Slot, index| {
                let signature = table::signature(slot);
                given.push(Given { index, signature });
                Callee::Given(given.len() as u32 - 1)
            };
            put(Slot::CopyIn, Callee::CopyIn);
            put(Slot::CopyOut, Callee::CopyOut);
            if let Some(realloc) = binding.realloc {
                let realloc = self.maps.get(Sort::CoreFunc, realloc);
                put(Slot::Allocate, give(Slot::Allocate, realloc));
            }
            for (slot, import) in self.hosted.of_version(binding.version) {
                let key = (binding.version, slot);
                let known = self.given_by_host.get(&key).copied();
                let index = known.unwrap_or_else(|| self.lower_host(network, slot, import));
                self.given_by_host.insert(key, index);
                put(slot, give(slot, index));
            }
        }
        places
    }

    /// Lowers a function of the host's for the network.
    fn lower_host(&mut self, network: &Network, slot: Slot, import: usize) -> u32 {
        let instance = self.root.instance_index(import);
        let instance = instance.map(|index| self.maps.get(Sort::Instance, index));
        let instance = instance.unwrap_or(LEFT_OUT);
        if let Some(resource) = hosted::name(slot).strip_prefix(hosted::DROP) {
            let ty = self.writer.alias_type(instance, resource);
            return self.writer.resource_drop(ty);
        }
        let function = self.writer.alias_func(instance, hosted::name(slot));
        let options = [
            CanonicalOption::UTF8,
            CanonicalOption::Memory(network.memory),
            CanonicalOption::Realloc(network.realloc),
        ];
        self.writer.lower(function, &options)
    }
}

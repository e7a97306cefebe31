//! `sockvirt:virt/report`, which a component exports that a script is played in.

use super::copy::Fuser;
use super::hub::{self, Place};
use super::writer::Sort;
use crate::error::Error;
use crate::generate::verdict::{ENDED, FINISH, LOAD, REPORT, TEXT};
use wasm_encoder::{
    Alias, CanonicalOption, ComponentExportKind as Kind, ComponentValType as Val, PrimitiveValType,
};

impl Fuser<'_> {
    /// Exports what asks for the script's report, if it is played in this component.
    pub(super) fn add_report(&mut self) -> Result<(), Error> {
        match self.place {
            Place::Inside => self.lift_report(),
            Place::Here(_) => self.report_of_hub(),
            Place::Outside => Ok(()),
        }
    }

    /// Exports what the hub says.
    fn report_of_hub(&mut self) -> Result<(), Error> {
        let hub = self.hub()?.unwrap_or(super::renumber::LEFT_OUT);
        let functions = hub::reports(self.surface.reach.script);
        let functions = functions.map(|name| (name, Kind::Func, self.writer.alias_func(hub, name)));
        let functions: Vec<_> = functions.collect();
        self.writer.instances().export_items(functions);
        let instance = self.writer.added(Sort::Instance);
        self.export_report(instance);
        Ok(())
    }

    fn lift_report(&mut self) -> Result<(), Error> {
        // One component inside has the network, and is instantiated once.
        let inside = self
            .children
            .first()
            .and_then(|(it, _)| it.instances.first());
        if let Some(nested) = inside {
            self.pass_report(nested.at);
            return Ok(());
        }
        let network = self.network()?;
        let Some([ended, finish, text]) = network.verdict else {
            return Ok(());
        };
        let bytes = self.writer.types().defined_type();
        bytes.list(Val::Primitive(PrimitiveValType::U8));
        let bytes = Val::Type(self.writer.added(Sort::Type));
        let memory = CanonicalOption::Memory(network.memory);
        let status = Val::Primitive(PrimitiveValType::U8);
        let mut functions = vec![
            (ENDED, ended, Some(("status", status)), None, vec![]),
            (FINISH, finish, None, Some(PrimitiveValType::Bool), vec![]),
            (
                TEXT,
                text,
                None,
                Some(PrimitiveValType::String),
                vec![CanonicalOption::UTF8, memory],
            ),
        ];
        functions.extend(network.load.map(|load| {
            let realloc = CanonicalOption::Realloc(network.realloc);
            let param = Some(("script", bytes));
            (LOAD, load, param, None, vec![memory, realloc])
        }));
        let mut exported = Vec::new();
        for (name, core, param, result, options) in functions {
            let mut ty = self.writer.types().function();
            ty.params(param).result(result.map(Val::Primitive));
            let ty = self.writer.added(Sort::Type);
            self.writer.canonicals().lift(core, ty, options);
            exported.push((name, Kind::Func, self.writer.added(Sort::Func)));
        }
        self.writer.instances().export_items(exported);
        let instance = self.writer.added(Sort::Instance);
        self.export_report(instance);
        Ok(())
    }

    /// Exports what the component inside has whose instance is this item.
    fn pass_report(&mut self, at: usize) {
        let instance = self.root.index_of(crate::root::Space::Instance, at);
        let instance = instance.map(|index| self.maps.get(Sort::Instance, index));
        self.writer.aliases().alias(Alias::InstanceExport {
            instance: instance.unwrap_or(super::renumber::LEFT_OUT),
            kind: Kind::Instance,
            name: REPORT,
        });
        let report = self.writer.added(Sort::Instance);
        self.export_report(report);
    }

    fn export_report(&mut self, instance: u32) {
        let exports = self.writer.exports();
        exports.export(REPORT, Kind::Instance, instance, None);
        self.writer.added(Sort::Instance);
    }
}

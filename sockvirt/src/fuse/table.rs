//! A module that puts the functions of a binding into the network's table.

use super::binding::Slot;
use super::glue::GIVEN;
use crate::generate::abi::Signature;
use wasm_encoder::{
    ConstExpr, ElementSection, Elements, EntityType, ImportSection, Module, RefType, TableType,
    TypeSection, ValType,
};

/// The name under which the table is imported.
pub(super) const TABLE: &str = "t";

/// The signature of what stands in a slot.
pub(super) fn signature(slot: Slot) -> Signature {
    use ValType::{I32, I64};
    let (params, results) = match slot {
        Slot::Allocate => (vec![I32; 4], vec![I32]),
        Slot::CopyIn | Slot::CopyOut => (vec![I32; 3], vec![]),
        Slot::Poll => (vec![I32; 3], vec![]),
        Slot::Ready => (vec![I32], vec![I32]),
        Slot::Block | Slot::DropPollable | Slot::DropUdp => (vec![I32], vec![]),
        Slot::SubscribeTcp | Slot::SubscribeUdp => (vec![I32], vec![I32]),
        Slot::CreateTcp | Slot::CreateUdp | Slot::FinishBindUdp => (vec![I32; 2], vec![]),
        Slot::StartBindUdp => (vec![I32; 15], vec![]),
        Slot::KeepAlive | Slot::KeepAliveCount | Slot::HopLimitTcp | Slot::HopLimitUdp => {
            (vec![I32; 3], vec![])
        }
        Slot::Backlog
        | Slot::KeepAliveIdle
        | Slot::KeepAliveInterval
        | Slot::ReceiveBufferTcp
        | Slot::SendBufferTcp
        | Slot::ReceiveBufferUdp
        | Slot::SendBufferUdp => (vec![I32, I64, I32], vec![]),
        Slot::SubscribeDuration => (vec![I64], vec![I32]),
        Slot::Stderr | Slot::InstanceNetwork => (vec![], vec![I32]),
        Slot::BlockingWrite | Slot::Write => (vec![I32; 4], vec![]),
        Slot::CheckWrite => (vec![I32; 2], vec![]),
        Slot::Read | Slot::BlockingRead => (vec![I32, I64, I32], vec![]),
    };
    Signature { params, results }
}

/// The module: it imports the functions under their numbers, and puts each in the place that goes
/// with it.
pub(super) fn module(functions: &[(u32, Signature)]) -> Vec<u8> {
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    let mut elements = ElementSection::new();
    for (number, (place, signature)) in (0..).zip(functions) {
        let Signature { params, results } = signature;
        types
            .ty()
            .function(params.iter().copied(), results.iter().copied());
        imports.import(GIVEN, &number.to_string(), EntityType::Function(number));
        let offset = ConstExpr::i32_const(*place as i32);
        elements.active(
            None,
            &offset,
            Elements::Functions([number].as_slice().into()),
        );
    }
    let table = TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 0,
        maximum: None,
        shared: false,
    };
    imports.import(GIVEN, TABLE, EntityType::Table(table));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&elements);
    module.finish()
}

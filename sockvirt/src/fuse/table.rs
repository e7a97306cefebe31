//! The signatures of what stands in the network's table.

use super::binding::Slot;
use crate::generate::abi::Signature;
use wasm_encoder::ValType;

/// The signature of what stands in a slot.
pub(super) fn signature(slot: Slot) -> Signature {
    use ValType::{I32, I64};
    let (params, results) = match slot {
        Slot::Allocate => (vec![I32; 4], vec![I32]),
        Slot::CopyIn | Slot::CopyOut => (vec![I32; 3], vec![]),
        Slot::Poll => (vec![I32; 3], vec![]),
        Slot::Ready => (vec![I32], vec![I32]),
        Slot::Block
        | Slot::DropPollable
        | Slot::DropUdp
        | Slot::DropIncoming
        | Slot::DropOutgoing
        | Slot::Exit => (vec![I32], vec![]),
        Slot::Now => (vec![], vec![I64]),
        Slot::SubscribeTcp
        | Slot::SubscribeUdp
        | Slot::SubscribeIncoming
        | Slot::SubscribeOutgoing => (vec![I32], vec![I32]),
        Slot::CreateTcp | Slot::CreateUdp | Slot::FinishBindUdp => (vec![I32; 2], vec![]),
        Slot::StartBindUdp | Slot::StreamUdp => (vec![I32; 15], vec![]),
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
        Slot::BlockingWrite | Slot::Write | Slot::Send => (vec![I32; 4], vec![]),
        Slot::CheckWrite | Slot::CheckSend => (vec![I32; 2], vec![]),
        Slot::Read | Slot::BlockingRead | Slot::Receive => (vec![I32, I64, I32], vec![]),
    };
    Signature { params, results }
}

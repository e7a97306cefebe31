//! What becomes of datagrams on their way.

use super::{Fault, FaultKind};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

/// The faults that are to come, in order: each is for some datagrams, whichever way they go.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: VecDeque<Fault>,
    /// Datagrams that wait for those that will overtake them, and which way they go.
    held: Vec<Vec<u8>>,
    holds_incoming: bool,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.count > 0 {
            self.next.push_back(fault);
        }
    }

    /// What of a datagram of the program's comes.
    pub(crate) fn incoming(&mut self, datagram: Vec<u8>) -> Vec<Vec<u8>> {
        self.pass(datagram, true)
    }

    /// What of a datagram to the program comes.
    pub(crate) fn outgoing(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.pass(datagram.to_vec(), false)
    }

    fn pass(&mut self, mut datagram: Vec<u8>, incoming: bool) -> Vec<Vec<u8>> {
        let Some(fault) = self.next.front_mut() else {
            return vec![datagram];
        };
        // Those that are held are overtaken by what goes their way.
        if !self.held.is_empty() && incoming != self.holds_incoming {
            return vec![datagram];
        }
        fault.count -= 1;
        let (kind, is_last) = (fault.kind, fault.count == 0);
        if is_last {
            self.next.pop_front();
        }
        match kind {
            FaultKind::Drop => Vec::new(),
            FaultKind::Duplicate => vec![datagram.clone(), datagram],
            FaultKind::Corrupt => {
                if let Some(last) = datagram.last_mut() {
                    *last = !*last;
                }
                vec![datagram]
            }
            FaultKind::Reorder => {
                self.holds_incoming = incoming;
                self.held.push(datagram);
                match is_last {
                    true => mem::take(&mut self.held).into_iter().rev().collect(),
                    false => Vec::new(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_pass_in_order() {
        let mut faults = Faults::default();
        let kinds = [
            (FaultKind::Drop, 1),
            (FaultKind::Duplicate, 1),
            (FaultKind::Reorder, 2),
            (FaultKind::Corrupt, 1),
        ];
        for (kind, count) in kinds {
            faults.add(Fault { kind, count });
        }
        let mut all = Vec::new();
        for byte in 1..8 {
            all.extend(faults.outgoing(&[0, byte]));
        }
        let expected = [[0, 2], [0, 2], [0, 4], [0, 3], [0, 250], [0, 6], [0, 7]];
        assert_eq!(all, expected.map(Vec::from));
    }

    #[test]
    fn what_is_held_waits_for_its_own_way() {
        let mut faults = Faults::default();
        faults.add(Fault {
            kind: FaultKind::Reorder,
            count: 2,
        });
        assert!(faults.incoming(vec![1]).is_empty());
        assert_eq!(faults.outgoing(&[9]), [vec![9]]);
        assert_eq!(faults.incoming(vec![2]), [vec![2], vec![1]]);
    }
}

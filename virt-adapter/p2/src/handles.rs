//! The handles that the network gives, and what each is.
//!
//! As in a host, what depends on something else is its child, and nothing goes before its children.

use crate::binding::VIRTUAL;
use crate::memory::trap;
use alloc::vec::Vec;
use sockvirt_netstack::{EndId, ErrorCode, LookupId, TcpId, UdpId};

/// A handle, as the guest has it.
pub(crate) type Handle = u32;

/// What a handle is.
#[derive(Clone, Copy)]
pub(crate) enum Resource {
    Network,
    Error(ErrorCode),
    Pollable(Subject),
    Input(EndId),
    Output(EndId),
    Tcp(TcpId),
    Udp(UdpId),
    Incoming(UdpId),
    Outgoing(UdpId),
    Lookup(LookupId),
    /// A socket that has become one of the host's, and a pollable of the host's for those that were
    /// given for it before; 0 for none.
    HostTcp {
        socket: u32,
        pollable: u32,
    },
    /// A socket that has become one of the host's.
    HostUdp(u32),
}

/// What a pollable waits for.
#[derive(Clone, Copy)]
pub(crate) enum Subject {
    /// Nothing: it is always ready.
    Nothing,
    Tcp(TcpId),
    Input(EndId),
    Output(EndId),
    Incoming(UdpId),
    #[cfg(feature = "script")]
    Lookup(LookupId),
    /// A moment on the script's clock.
    #[cfg(feature = "script")]
    Moment(u64),
}

enum Entry {
    /// The next free entry, plus one; 0 for none.
    Free(u32),
    Taken(Taken),
}

struct Taken {
    resource: Resource,
    /// The entry that it is a child of, plus one; 0 for none.
    parent: u32,
    children: u32,
    /// What of the host's goes with it (`beside.rs`); 0 for none.
    beside: u32,
}

/// No more handles than that are given at a time.
const MOST: usize = 1 << 20;

/// The handles.
pub(crate) struct Handles {
    entries: Vec<Entry>,
    /// The first free entry, plus one; 0 for none.
    free: u32,
}

impl Handles {
    pub(crate) const fn new() -> Self {
        Handles {
            entries: Vec::new(),
            free: 0,
        }
    }

    /// A new handle. The guest ends where there are too many, as in a host.
    pub(crate) fn give(&mut self, resource: Resource) -> Handle {
        self.insert(resource, 0)
    }

    /// A new handle that is a child of another.
    pub(crate) fn give_child(&mut self, resource: Resource, of: Handle) -> Handle {
        self.taken_mut(of).children += 1;
        self.insert(resource, (of & !VIRTUAL) + 1)
    }

    fn insert(&mut self, resource: Resource, parent: u32) -> Handle {
        let taken = Entry::Taken(Taken {
            resource,
            parent,
            children: 0,
            beside: 0,
        });
        let index = match self.free.checked_sub(1) {
            Some(index) => {
                let Some(entry) = self.entries.get_mut(index as usize) else {
                    trap();
                };
                if let Entry::Free(next) = core::mem::replace(entry, taken) {
                    self.free = next;
                }
                index
            }
            None if self.entries.len() >= MOST => trap(),
            None => {
                self.entries.push(taken);
                self.entries.len() as u32 - 1
            }
        };
        VIRTUAL | index
    }

    fn taken_mut(&mut self, handle: Handle) -> &mut Taken {
        match self.entries.get_mut((handle & !VIRTUAL) as usize) {
            Some(Entry::Taken(taken)) if handle & VIRTUAL != 0 => taken,
            _ => trap(),
        }
    }

    /// What a handle is. A guest that uses one that it was not given ends, as with a host.
    pub(crate) fn get(&self, handle: Handle) -> Resource {
        match self.entries.get((handle & !VIRTUAL) as usize) {
            Some(Entry::Taken(taken)) if handle & VIRTUAL != 0 => taken.resource,
            _ => trap(),
        }
    }

    /// Has a handle stand for something else.
    pub(crate) fn become_another(&mut self, handle: Handle, resource: Resource) {
        self.taken_mut(handle).resource = resource;
    }

    /// What a handle is a child of.
    pub(crate) fn parent(&self, handle: Handle) -> Option<Handle> {
        match self.entries.get((handle & !VIRTUAL) as usize) {
            Some(Entry::Taken(taken)) => taken.parent.checked_sub(1).map(|it| VIRTUAL | it),
            _ => None,
        }
    }

    /// Whether a resource has a child of a kind.
    pub(crate) fn has_child(&self, of: Handle, is: impl Fn(Resource) -> bool) -> bool {
        let index = of & !VIRTUAL;
        // Most have none, which is known at once.
        if matches!(self.entries.get(index as usize), Some(Entry::Taken(it)) if it.children == 0) {
            return false;
        }
        let parent = index + 1;
        self.entries.iter().any(|entry| match entry {
            Entry::Taken(taken) => taken.parent == parent && is(taken.resource),
            Entry::Free(_) => false,
        })
    }

    /// What of the host's goes with a handle.
    pub(crate) fn beside(&self, handle: Handle) -> Option<u32> {
        match self.entries.get((handle & !VIRTUAL) as usize) {
            Some(Entry::Taken(taken)) => Some(taken.beside).filter(|it| *it != 0),
            _ => None,
        }
    }

    /// Has something of the host's go with a handle, which has nothing yet.
    pub(crate) fn put_beside(&mut self, handle: Handle, of_host: u32) {
        self.taken_mut(handle).beside = of_host;
    }

    /// Parts a handle from what of the host's goes with it.
    pub(crate) fn take_beside(&mut self, handle: Handle) -> Option<u32> {
        let beside = core::mem::take(&mut self.taken_mut(handle).beside);
        Some(beside).filter(|it| *it != 0)
    }

    /// Takes a handle back. A guest that drops something before its children ends, as with a host.
    pub(crate) fn take(&mut self, handle: Handle) -> Resource {
        let Taken {
            resource,
            parent,
            children,
            ..
        } = *self.taken_mut(handle);
        if children > 0 {
            trap();
        }
        let index = handle & !VIRTUAL;
        if let Some(entry) = self.entries.get_mut(index as usize) {
            *entry = Entry::Free(self.free);
            self.free = index + 1;
        }
        if let Some(parent) = parent.checked_sub(1) {
            self.taken_mut(VIRTUAL | parent).children -= 1;
        }
        resource
    }
}

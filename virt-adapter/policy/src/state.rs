//! What is kept between calls.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use sockvirt_policy::{NameTable, NoNames, Rules, Session};

#[link(wasm_import_module = "wire")]
unsafe extern "C" {
    /// Where the wire form is.
    safe fn at() -> usize;
    /// How many bytes it has.
    safe fn length() -> usize;
}

/// An address that somebody asks for, word by word.
pub(crate) type Words = [u32; 12];

pub(crate) struct State<N: 'static> {
    pub(crate) rules: Rules<'static>,
    pub(crate) session: &'static mut Session<N>,
    /// The address of the last decision that changed it, or of the last lookup.
    pub(crate) words: Words,
    /// The last address that was allowed: as it was asked for, and the real one.
    pub(crate) last: (SocketAddr, SocketAddr),
    /// The peer that is to be accepted.
    pub(crate) peer: SocketAddr,
}

pub(crate) fn word_at(words: &Words, index: u32) -> u32 {
    words.get(index as usize).copied().unwrap_or_default()
}

struct Global<T>(UnsafeCell<T>);

// SAFETY: the module has one thread.
unsafe impl<T> Sync for Global<T> {}

macro_rules! state {
    ($($name:ident $names:ty;)*) => {$(
        /// The state. Every exported function asks for it once, and none calls another.
        pub(crate) fn $name() -> &'static mut State<$names> {
            // All zeros, which takes no room in the module.
            static SESSION: Global<Session<$names>> = Global(UnsafeCell::new(Session::new()));
            static STATE: Global<MaybeUninit<State<$names>>> =
                Global(UnsafeCell::new(MaybeUninit::uninit()));
            static IS_THERE: Global<bool> = Global(UnsafeCell::new(false));
            // SAFETY: exported functions run one at a time, and each takes the state once.
            let (state, is_there) = unsafe { (&mut *STATE.0.get(), &mut *IS_THERE.0.get()) };
            if !core::mem::replace(is_there, true) {
                // SAFETY: this runs once.
                state.write(first(unsafe { &mut *SESSION.0.get() }));
            }
            // SAFETY: it was written, now or before.
            unsafe { state.assume_init_mut() }
        }
    )*};
}

state! {
    plain NoNames;
    named NameTable;
}

fn first<N: 'static>(session: &'static mut Session<N>) -> State<N> {
    let nowhere = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    // SAFETY: the composition put the wire form there, behind all static data, and nothing writes
    // to it.
    let wire =
        unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at()), length()) };
    match Rules::read(wire) {
        Ok(rules) => State {
            rules,
            session,
            words: [0; 12],
            last: (nowhere, nowhere),
            peer: nowhere,
        },
        Err(_) => trap(),
    }
}

/// Ends the component.
pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    panic!("a trap");
}

//! A network that is in another component, which several share, or sockets of 0.3 as well. It is called
//! as the netstack is.

use crate::calls::{self, Block, Blocks, Call, MOST, Numbers, Wire, calls};
use core::net::{IpAddr, SocketAddr};
#[cfg(feature = "script")]
use sockvirt_netstack::script::Protocol;
use sockvirt_netstack::{
    Config, EndId, ErrorCode, Family, LookupId, Shutdown, SocketOption, StreamEnd, TcpId, UdpId,
    WriteError,
};

/// The functions of the hub, as they are lowered.
mod hub {
    use super::Block;

    #[link(wasm_import_module = "hub")]
    unsafe extern "C" {
        /// A call, and where its answer is written.
        #[rustfmt::skip]
        pub(super) safe fn call(
            a: u64,
            b: u64,
            c: u64,
            d: u64,
            e: u64,
            f: u64,
            g: u64,
            h: u64,
            answer: &mut Block,
        );
        /// Hands the next block over.
        pub(super) safe fn put(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64);
        /// Fetches the next block.
        pub(super) safe fn get(block: &mut Block);
    }
}

/// The network, of which nothing is here.
pub(crate) struct Network(());

/// What begins a call.
fn begin(call: Call) -> Numbers {
    let mut numbers = Numbers::of([0; 8]);
    numbers.put(call as u64);
    numbers
}

fn call(numbers: &Numbers) -> Numbers {
    let [a, b, c, d, e, f, g, h] = numbers.block;
    let mut answer = [0; 8];
    hub::call(a, b, c, d, e, f, g, h, &mut answer);
    Numbers::of(answer)
}

/// What the hub is asked as the table says.
macro_rules! methods {
    (
        network { $($(#[$when:meta])* $method:ident($($a:ident: $at:ty),*) -> $r:ty;)* }
        hub { $($(#[$with:meta])* $own:ident($($b:ident: $bt:ty),*) -> $s:ty;)* }
    ) => {
        impl Network {
            $($(#[$when])* pub(crate) fn $method(&self, $($a: $at),*) -> $r {
                let numbers = &mut begin(Call::$method);
                $(calls::Wire::put($a, numbers);)*
                Wire::get(&mut call(numbers))
            })*
        }

        $($(#[$with])* fn $own($($b: $bt),*) -> $s {
            let numbers = &mut begin(Call::$own);
            $(calls::Wire::put($b, numbers);)*
            Wire::get(&mut call(numbers))
        })*
    };
}

calls!(methods);

/// Hands over what is put into so many bytes. What is too long is not handed over: it ends with an
/// error by its length.
fn hand_over(count: usize, fill: impl FnOnce(&mut [u8])) {
    if count > MOST {
        return;
    }
    let mut blocks = Blocks::with_room(count);
    fill(blocks.bytes_mut(count));
    for &[a, b, c, d, e, f, g, h] in blocks.blocks() {
        hub::put(a, b, c, d, e, f, g, h);
    }
}

/// Fetches so many bytes.
fn fetch(count: usize) -> Blocks {
    let mut blocks = Blocks::with_room(count);
    for block in blocks.blocks_mut() {
        hub::get(block);
    }
    blocks
}

/// What moves bytes. No code of the guest's runs between a call and its bytes.
impl Network {
    /// The hub has its own configuration.
    pub(crate) fn new(_: Config) -> Self {
        Network(())
    }

    pub(crate) fn is_inside(ip: IpAddr) -> bool {
        sockvirt_netstack::Network::is_inside(ip)
    }

    pub(crate) fn read_with(&self, id: EndId, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        let count = read(id, most.min(MOST));
        if count > 0 {
            take(fetch(count).bytes(count));
        }
        count
    }

    pub(crate) fn write_with(
        &self,
        id: EndId,
        count: usize,
        fill: impl FnMut(&mut [u8]),
    ) -> Result<(), WriteError> {
        hand_over(count, fill);
        write(id, count)
    }

    pub(crate) fn udp_send_with(
        &self,
        id: UdpId,
        count: usize,
        to: Option<SocketAddr>,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), ErrorCode> {
        hand_over(count, fill);
        send(id, count, to)
    }

    pub(crate) fn udp_receive_with(
        &self,
        id: UdpId,
        take: impl FnOnce(&[u8], SocketAddr),
    ) -> Result<bool, ErrorCode> {
        let received = receive(id)?;
        if let Some((count, from)) = received {
            take(fetch(count).bytes(count), from);
        }
        Ok(received.is_some())
    }

    pub(crate) fn lookup(&self, name: &[u8]) -> Result<LookupId, ErrorCode> {
        hand_over(name.len(), |place| place.copy_from_slice(name));
        look_up(name.len())
    }

    /// Has sockets of 0.3 go on with what has happened: whether anything has.
    pub(crate) fn catch_up(&self) -> bool {
        catch_up()
    }
}

/// A script is the network's, which ends it, tells of it and ends the program.
#[cfg(feature = "script")]
impl Network {
    pub(crate) fn note_deadlock(&self, text: &str) {
        hand_over(text.len(), |place| place.copy_from_slice(text.as_bytes()));
        waits(text.len());
    }

    /// Notes whether there are sockets of the host's here, which may be waited for.
    pub(crate) fn note_hosted(&self, any: bool) {
        note_hosted(any);
    }

    /// Has everybody in the script do what can be done. Whether the program is to end at once.
    pub(crate) fn take_turn(&self) -> bool {
        take_turn()
    }

    /// Ends the script, and says whether all was as it should be.
    pub(crate) fn verdict(&self) -> bool {
        verdict()
    }

    /// Ends the program with its script, if the host lets programs end.
    pub(crate) fn end(&self) {
        end();
    }
}

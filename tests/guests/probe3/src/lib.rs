//! Carries out what its arguments say with the sockets of WASI 0.3, through the bare bindings, and
//! prints what it gets. The words are those of `guest-script`.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;

mod address;
mod bench;
mod socket;

use address::ip;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use core::task::Poll;
use guest_script::{Kind, Op, Outcome, code, line};
use socket::{DONE, Socket};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::ip_name_lookup::resolve_addresses;

wasip3::cli::command::export!(Guest);

struct Guest;

impl wasip3::exports::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let (mut writer, reader) = wasip3::wit_stream::new();
        let written = wasip3::cli::stdout::write_via_stream(reader);
        let mut probe = Probe {
            sockets: Vec::new(),
            used: 0,
        };
        for arg in wasip3::cli::environment::get_arguments().iter().skip(1) {
            let Some(op) = Op::parse(arg) else {
                return Err(());
            };
            let line = line(arg, probe.run(op).await);
            let left: Vec<u8> = writer.write_all(line.into_bytes()).await;
            assert!(left.is_empty());
        }
        drop(writer);
        written.await.map_err(drop)
    }
}

/// How long it waits for what it gives up, in nanoseconds.
const A_MOMENT: u64 = 1_000;

struct Probe {
    sockets: Vec<Socket>,
    used: usize,
}

impl Probe {
    async fn run(&mut self, op: Op<'_>) -> Outcome {
        match op {
            Op::Create(kind) => self.create(kind),
            Op::Use(number) => {
                self.used = number;
                DONE
            }
            Op::Resolve(name) => Ok(format!("{:?}", resolve(name).await?)),
            Op::ResolveMany(count, suffix) => resolve_many(count, suffix).await,
            Op::Abandon(name) => abandon(name).await,
            Op::GiveUp(op) => self.give_up(op).await,
            Op::ConnectName(name, port) => self.connect_name(name, port).await,
            Op::Accept => {
                let (socket, remote) = self.sockets[self.used].accept().await?;
                self.sockets.push(socket);
                Ok(remote.to_string())
            }
            Op::Flood(to, chunk, count) => bench::flood(to, chunk, count).await,
            Op::Connects(to, count) => bench::connects(to, count).await,
            Op::Pings(to, size, count) => bench::pings(to, size, count).await,
            Op::Drop => {
                self.sockets[self.used] = Socket::None;
                DONE
            }
            op => self.sockets[self.used].run(op).await,
        }
    }

    /// One that could not be made counts too, so that numbers stay what they are.
    fn create(&mut self, kind: Kind) -> Outcome {
        self.used = self.sockets.len();
        self.sockets.push(Socket::None);
        self.sockets[self.used] = Socket::create(kind)?;
        DONE
    }

    async fn give_up(&mut self, op: &str) -> Outcome {
        let op = Op::parse(op).ok_or("no operation")?;
        let mut work = Box::pin(self.run(op));
        let mut patience = pin!(wait_for(A_MOMENT));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Pending => patience.as_mut().poll(cx).map(|()| Ok("given up".into())),
            done => done,
        })
        .await
    }

    async fn connect_name(&mut self, name: &str, port: u16) -> Outcome {
        let mut tried = Vec::new();
        for ip in resolve(name).await? {
            let address = SocketAddr::new(ip, port);
            let kind = Kind {
                udp: false,
                v6: ip.is_ipv6(),
            };
            self.create(kind)?;
            match self.sockets[self.used].run(Op::Connect(address)).await {
                Ok(_) => {
                    tried.push(format!("{address} ok"));
                    break;
                }
                Err(code) => tried.push(format!("{address} {code}")),
            }
        }
        Ok(tried.join(", "))
    }
}

async fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    let answers = resolve_addresses(name.into()).await.map_err(|e| code(&e))?;
    Ok(answers.into_iter().map(ip).collect())
}

async fn resolve_many(count: usize, suffix: &str) -> Outcome {
    let mut answered = 0;
    for i in 0..count {
        let name = format!("n{i}{suffix}");
        answered += usize::from(resolve(&name).await.is_ok());
    }
    Ok(answered.to_string())
}

async fn abandon(name: &str) -> Outcome {
    let mut lookup = pin!(resolve_addresses(name.into()));
    match poll_fn(|cx| Poll::Ready(lookup.as_mut().poll(cx))).await {
        Poll::Ready(Ok(_)) => Ok("ready".into()),
        Poll::Ready(Err(e)) => Err(code(&e)),
        Poll::Pending => Ok("pending".into()),
    }
}

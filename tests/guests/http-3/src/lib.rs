//! An HTTP handler of WASI 0.3 that answers with what it has heard by its sockets: from a server, whose
//! address is the request's path; from a client, if that is `/client`; or from itself, if it is `/both`.

#![no_std]

extern crate alloc;

#[path = "../../bare.rs"]
mod bare;
#[path = "../../local-3/src/net.rs"]
#[allow(dead_code, reason = "each program has its part")]
mod net;

use alloc::format;
use alloc::string::String;
use core::net::SocketAddrV4;
use futures_util::future::join;
use net::{Connection, accept, local};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};
use wasip3::wit_bindgen::spawn_local;
use wasip3::{wit_future, wit_stream};

wasip3::http::service::export!(Service);

struct Service;

impl wasip3::exports::http::handler::Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let said = match path.as_str() {
            "/client" => serve().await,
            "/both" => {
                let (heard, answer) = join(serve(), ask(local(IpAddressFamily::Ipv4, 80))).await;
                format!("{heard} {answer}")
            }
            path => ask(address(path.trim_start_matches('/'))).await,
        };
        let (mut writer, body) = wit_stream::new();
        let (trailers, ended) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), Some(body), ended);
        drop(trailers);
        spawn_local(async move {
            writer.write_all(said.into_bytes()).await;
        });
        Ok(response)
    }
}

fn address(text: &str) -> IpSocketAddress {
    let address: SocketAddrV4 = text.parse().unwrap();
    let [a, b, c, d] = address.ip().octets();
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: address.port(),
        address: (a, b, c, d),
    })
}

/// Answers one client, and gives what it has asked.
async fn serve() -> String {
    let listener = TcpSocket::create(IpAddressFamily::Ipv4).unwrap();
    listener.bind(local(IpAddressFamily::Ipv4, 80)).unwrap();
    let mut accepted = listener.listen().unwrap();
    let connection = accept(&mut accepted).await;
    talk(connection, "answer").await
}

/// Asks a server.
async fn ask(to: IpSocketAddress) -> String {
    match net::connect(to).await {
        Ok(socket) => talk(socket, "query").await,
        Err(e) => format!("{e:?}"),
    }
}

/// Says something, and gives what the other end does.
async fn talk(socket: TcpSocket, says: &str) -> String {
    let mut connection = Connection::of(socket);
    connection.write(says.as_bytes().to_vec()).await;
    drop(connection.writer);
    let heard = connection.reader.collect().await;
    String::from_utf8(heard).unwrap()
}

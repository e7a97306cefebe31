//! Goes to an address over a socket, and by `wasi:http`, which takes none.

use std::net::TcpStream;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

fn main() {
    let to = std::env::args().nth(1).expect("an address");
    let connected = TcpStream::connect(&to).map(drop).map_err(|e| e.kind());
    println!("connect: {connected:?}");
    println!("request: {:?}", request(&to));
}

fn request(to: &str) -> Result<(), ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(to)).unwrap();
    request.set_path_with_query(Some("/")).unwrap();
    let response = handle(request, None)?;
    response.subscribe().block();
    response.get().unwrap().unwrap().map(drop)
}

//! Serves HTTP, and answers with what became of a connection that it tried.

use std::io::Write;
use std::net::TcpStream;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

wasip2::http::proxy::export!(Handler);

struct Handler;

impl Guest for Handler {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        let tried = TcpStream::connect("127.0.0.1:9")
            .map(drop)
            .map_err(|e| e.kind());
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().unwrap();
        writeln!(stream, "connect: {tried:?}").unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}

//! hyper.

use crate::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Answers requests for ever. One whose head is not there after so many seconds is given up.
pub(crate) async fn serve(address: &str, patience: &str) -> Result<String> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let patience = Duration::from_secs(patience.parse()?);
    loop {
        let (stream, from) = accept(&listener).await?;
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience)
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
            match served {
                Ok(()) => println!("{from}: served"),
                Err(e) => println!("{from}: {e}"),
            }
        });
    }
}

/// Accepts a connection in the way of std: what tokio calls for it, `fcntl`, knows no sockets in the C
/// library of Rust 1.95.
async fn accept(listener: &TcpListener) -> Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept() {
            Err(e) if e.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(100)).await,
            Err(e) => return Err(e.into()),
            Ok((stream, from)) => {
                stream.set_nonblocking(true)?;
                return Ok((TcpStream::from_std(stream)?, from));
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(Response::new(Full::from(format!("this is {path}\n"))))
}

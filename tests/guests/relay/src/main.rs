//! Serves HTTP, and has each request answered by a service over TCP that runs beside it.

use futures_lite::future::try_zip;
use std::net::SocketAddr;
use wstd::http::{Body, Error, Request, Response};
use wstd::io::{AsyncRead, AsyncWrite};
use wstd::iter::AsyncIterator;
use wstd::net::{TcpListener, TcpStream};
use wstd::runtime::{Task, spawn};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (address, _service) = serve().await?;
    let (head, mut body) = request.into_parts();
    let question = [
        format!("{} {}\n", head.method, head.uri.path()).as_bytes(),
        body.contents().await?,
    ]
    .concat();
    let stream = TcpStream::connect(address).await?;
    let (mut input, mut output) = stream.split();
    let ask = async move {
        output.write_all(&question).await?;
        output.flush().await
    };
    let mut answer = Vec::new();
    try_zip(ask, input.read_to_end(&mut answer)).await?;
    Ok(Response::new(answer.into()))
}

/// A service that answers in capitals while it still hears, for as long as its task is kept.
async fn serve() -> std::io::Result<(SocketAddr, Task<std::io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = spawn(async move {
        let mut incoming = listener.incoming();
        while let Some(stream) = incoming.next().await {
            let stream = stream?;
            let (mut input, mut output) = stream.split();
            let mut buffer = [0; 5000];
            loop {
                let count = input.read(&mut buffer).await?;
                if count == 0 {
                    break;
                }
                buffer[..count].make_ascii_uppercase();
                output.write_all(&buffer[..count]).await?;
            }
        }
        Ok(())
    });
    Ok((address, service))
}

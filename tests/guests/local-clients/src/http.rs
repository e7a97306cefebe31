//! ureq.

use crate::Result;
use crate::server::Server;
use std::io::Read;
use std::sync::{Arc, Mutex};
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport,
};
use ureq::{Agent, Error};

pub(crate) fn talk(ip: &str) -> Result<()> {
    let server = Server::new(ip, answer)?;
    let at = format!("http://{}", server.address()?);
    let server = Arc::new(Mutex::new(server));
    let config = Config::builder().output_buffer_size(16 << 10).build();
    let connector = ().chain(TcpConnector::default()).chain(Turns(server.clone()));
    let agent = Agent::with_parts(config, connector, DefaultResolver::default());

    let page = agent.get(format!("{at}/page?of=2")).call()?;
    let kind = page.headers()["content-type"].to_str()?.to_owned();
    println!("  http: {} {kind}", page.into_body().read_to_string()?);
    let large = "0123456789".repeat(50_000);
    let echo = agent.post(format!("{at}/large")).send(&large)?;
    let mut heard = String::new();
    echo.into_body().as_reader().read_to_string(&mut heard)?;
    let is_same = heard == format!("POST /large {large}");
    println!("  http: {} bytes back, {is_same}", heard.len());
    let missing = agent.get(format!("{at}/missing")).call();
    println!("  http: {}", missing.expect_err("it is not there"));
    let clients = server.lock().expect("nobody panics with it").clients();
    println!("  http: {clients} connection for all");
    Ok(())
}

/// Answers with what was asked, and what came with it.
fn answer(said: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = said.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(said[..end].to_vec()).expect("it is text");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse::<usize>().expect("a number"))
    });
    let length = length.unwrap_or(0);
    if said.len() < end + length {
        return None;
    }
    let mut request = head.split(' ');
    let (method, path) = (request.next()?, request.next()?);
    let status = match path {
        "/missing" => "404 Not Found",
        _ => "200 OK",
    };
    let mut body = format!("{method} {path}").into_bytes();
    if length > 0 {
        body.push(b' ');
        body.extend(&said[end..end + length]);
    }
    said.drain(..end + length);
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    Some(answer)
}

/// Has the server take a turn whenever the client has written or is about to wait.
#[derive(Debug)]
struct Turns(Arc<Mutex<Server>>);

impl<In: Transport> Connector<In> for Turns {
    type Out = ByTurns<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> std::result::Result<Option<ByTurns<In>>, Error> {
        let server = self.0.clone();
        Ok(chained.map(|inner| ByTurns { inner, server }))
    }
}

#[derive(Debug)]
struct ByTurns<T> {
    inner: T,
    server: Arc<Mutex<Server>>,
}

impl<T> ByTurns<T> {
    fn server(&self) -> std::result::Result<(), Error> {
        Ok(self.server.lock().expect("nobody panics with it").turn()?)
    }
}

impl<T: Transport> Transport for ByTurns<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        timeout: NextTimeout,
    ) -> std::result::Result<(), Error> {
        self.inner.transmit_output(amount, timeout)?;
        self.server()
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, Error> {
        self.server()?;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

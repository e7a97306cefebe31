//! A server that does what can be done without waiting.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Takes one request from what a client has said, if all of it is there, and gives the answer.
pub(crate) type Answer = fn(&mut Vec<u8>) -> Option<Vec<u8>>;

/// A server of a protocol of requests and answers.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    clients: Vec<Client>,
    answer: Answer,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    said: Vec<u8>,
    to_hear: Vec<u8>,
}

impl Server {
    pub(crate) fn new(ip: &str, answer: Answer) -> Result<Server> {
        let listener = TcpListener::bind(format!("{ip}:0"))?;
        listener.set_nonblocking(true)?;
        Ok(Server {
            listener,
            clients: Vec::new(),
            answer,
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How many clients are connected.
    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Accepts whoever waits, reads what is there, and answers what can be answered.
    pub(crate) fn turn(&mut self) -> Result<()> {
        while let Some((stream, _)) = if_ready(self.listener.accept())? {
            stream.set_nonblocking(true)?;
            self.clients.push(Client {
                stream,
                said: Vec::new(),
                to_hear: Vec::new(),
            });
        }
        let mut left = Vec::new();
        for mut client in self.clients.drain(..) {
            if client.turn(self.answer)? {
                left.push(client);
            }
        }
        self.clients = left;
        Ok(())
    }
}

impl Client {
    /// Whether it stays connected.
    fn turn(&mut self, answer: Answer) -> Result<bool> {
        let mut buffer = [0; 10_000];
        while let Some(count) = if_ready(self.stream.read(&mut buffer))? {
            if count == 0 {
                return Ok(false);
            }
            self.said.extend(&buffer[..count]);
        }
        while let Some(answer) = answer(&mut self.said) {
            self.to_hear.extend(answer);
        }
        while !self.to_hear.is_empty() {
            let Some(count) = if_ready(self.stream.write(&self.to_hear))? else {
                break;
            };
            self.to_hear.drain(..count);
        }
        Ok(true)
    }
}

/// What a call gave, or nothing if it would have had to wait.
pub(crate) fn if_ready<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(e) => Err(e),
    }
}

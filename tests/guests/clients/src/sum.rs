//! What Rust's standard library has: a question that ends where its sender says no more.

use crate::Result;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// What a server says to all that it was told.
pub(crate) fn ask(server: &str, numbers: &str) -> Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(numbers.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut sum = String::new();
    stream.read_to_string(&mut sum)?;
    Ok(sum)
}

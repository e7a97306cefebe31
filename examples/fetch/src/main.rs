//! Fetches a page over plain TCP, or says why it cannot and goes on without it.

use std::io::{Read, Result, Write};
use std::net::TcpStream;

fn main() {
    match fetch("example.com", "/") {
        Ok(page) => println!("the page has {} bytes", page.len()),
        Err(e) => println!("no page: {e}; going on with the copy from yesterday"),
    }
    println!("the program runs on");
}

fn fetch(host: &str, path: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, 80))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page)?;
    Ok(page)
}

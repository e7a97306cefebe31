//! Asks a cache for a greeting, three times at most, and prints it.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

fn main() -> Result<()> {
    for wait in [1, 10, 60] {
        match ask("greeting") {
            Ok(greeting) => {
                println!("{greeting}");
                return Ok(());
            }
            Err(e) => println!("{}; again in {wait} s", e.kind()),
        }
        sleep(Duration::from_secs(wait));
    }
    Err(ErrorKind::TimedOut.into())
}

/// The value of a key, by the protocol of Redis.
fn ask(key: &str) -> Result<String> {
    let mut stream = TcpStream::connect("cache.test:6379")?;
    let length = key.len();
    write!(stream, "*2\r\n$3\r\nGET\r\n${length}\r\n{key}\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let length = line.trim_end().strip_prefix('$');
    let length: Option<usize> = length.and_then(|it| it.parse().ok());
    let length = length.ok_or(ErrorKind::InvalidData)?;
    // A line end comes behind it.
    let mut value = vec![0; length + 2];
    reader.read_exact(&mut value)?;
    value.truncate(length);
    String::from_utf8(value).map_err(Error::other)
}

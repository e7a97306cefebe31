//! Clients that people use, of HTTP, of WebSockets and of Redis, each with a server for it in the
//! same program. There are no threads: client and server take turns. That is enough only where what
//! was written has arrived at once, as it has in memory.

mod http;
mod keys;
mod server;
mod web_socket;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    for ip in ["127.0.0.1", "[::1]"] {
        println!("over {ip}");
        http::talk(ip)?;
        web_socket::talk(ip)?;
        keys::talk(ip)?;
    }
    Ok(())
}

//! Clients that people use, of Redis, of HTTP, of WebSockets, of DNS and of mail. The first argument says
//! which. What goes wrong is printed, and is exit status 1.

mod dns;
mod http;
mod keys;
mod mail;
mod sum;
mod web_socket;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = match args[..] {
        ["redis", url, key, tries] => keys::get(url, key, tries.parse()?),
        ["http", ref urls @ .., tries] => http::get_all(urls, tries.parse()?),
        ["websocket", url, text] => web_socket::talk(url, text),
        ["dns", server, name] => dns::ask(server, name),
        ["mail", server, from, to] => mail::send(server, from, to),
        ["sum", server, numbers] => sum::ask(server, numbers),
        _ => panic!("cannot read {args:?}"),
    };
    match said {
        Ok(said) => println!("{said}"),
        Err(e) => {
            println!("error: {e}");
            std::process::exit(1);
        }
    }
    Ok(())
}

//! What people use on tokio: a client of PostgreSQL, and a server of HTTP. The first argument says
//! which. What goes wrong is printed, and is exit status 1.

mod database;
mod site;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = match args[..] {
        ["database", server, query, tries] => database::ask(server, query, tries).await,
        ["site", address, patience] => site::serve(address, patience).await,
        _ => panic!("cannot read {args:?}"),
    };
    match said {
        Ok(said) => println!("{said}"),
        Err(e) => {
            println!("error: {e}");
            std::process::exit(1);
        }
    }
}

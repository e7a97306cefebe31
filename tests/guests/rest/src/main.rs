//! What a program does beside its sockets: arguments, standard streams, files, clocks, random
//! numbers, terminals, HTTP requests, and interfaces of nobody's standard, with handles in every
//! place. In between it talks over sockets.

mod keeper;
mod things;
mod world;

use std::collections::HashMap;
use std::io::{BufRead, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

fn main() -> Result<()> {
    let (mut client, mut server) = connection()?;
    client.write_all(b"said before the rest")?;
    arguments();
    streams()?;
    files(&mut client, &mut server)?;
    clocks();
    random();
    terminals();
    requests();
    things::talk();
    let mut heard = String::new();
    drop(client);
    server.read_to_string(&mut heard)?;
    println!("{heard}");
    eprintln!("and a complaint");
    std::process::exit(1)
}

fn connection() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

fn arguments() {
    println!("arguments: {:?}", env::args().collect::<Vec<_>>());
    println!("environment: {:?}", env::vars().collect::<Vec<_>>());
}

fn streams() -> Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let mut rest = Vec::new();
    io::stdin().read_to_end(&mut rest)?;
    println!("standard input: {line:?}, and {} bytes", rest.len());
    io::stdout().write_all(&rest)?;
    println!();
    Ok(())
}

/// Files, and what comes from files goes through a socket.
fn files(client: &mut TcpStream, server: &mut TcpStream) -> Result<()> {
    let read = fs::read_to_string("/files/given.txt")?;
    println!(
        "a file: {read:?}, {:?}",
        fs::read("/files/missing.txt").map_err(|e| e.kind())
    );
    fs::create_dir("/files/made")?;
    fs::write("/files/made/one", vec![7; 100_000])?;
    fs::rename("/files/made/one", "/files/made/two")?;
    let mut two = fs::OpenOptions::new()
        .append(true)
        .open("/files/made/two")?;
    io::copy(&mut fs::File::open("/files/given.txt")?, client)?;
    io::copy(&mut server.take(30), &mut two)?;
    let length = fs::metadata("/files/made/two")?.len();
    let mut names = Vec::new();
    for entry in fs::read_dir("/files")? {
        names.push(entry?.file_name());
    }
    names.sort();
    println!("files: {names:?}, {length} bytes");
    Ok(())
}

fn clocks() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let (before, short) = (Instant::now(), Duration::from_millis(3));
    std::thread::sleep(short);
    println!("now: {now:?}, slept: {}", before.elapsed() >= short);
}

fn random() {
    let map: HashMap<_, _> = (0..20).map(|i| (i, ())).collect();
    // Their order is Rust's own business.
    eprintln!("a map: {:?}", map.keys().collect::<Vec<_>>());
    println!("random: {:?}", wasip2::random::random::get_random_bytes(9));
    println!("seed: {:?}", wasip2::random::insecure_seed::insecure_seed());
}

fn terminals() {
    use wasip2::cli::{terminal_stderr, terminal_stdin, terminal_stdout};
    println!(
        "terminals: {} {} {}",
        terminal_stdin::get_terminal_stdin().is_some(),
        terminal_stdout::get_terminal_stdout().is_some(),
        terminal_stderr::get_terminal_stderr().is_some(),
    );
}

/// A request whose body is a stream, and an answer whose body is one, read by way of a pollable.
fn requests() {
    use wasip2::http::outgoing_handler::handle;
    use wasip2::http::types::{
        Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, Scheme,
    };
    let request = OutgoingRequest::new(Fields::new());
    request.set_method(&Method::Post).unwrap();
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some("somewhere.test")).unwrap();
    request.set_path_with_query(Some("/a/path")).unwrap();
    let body = request.body().unwrap();
    let response = handle(request, None).unwrap();
    let stream = body.write().unwrap();
    stream.blocking_write_and_flush(b"asked over HTTP").unwrap();
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
    response.subscribe().block();
    let response = response.get().unwrap().unwrap().unwrap();
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut heard = Vec::new();
    while let Ok(bytes) = stream.blocking_read(1000) {
        heard.extend(bytes);
    }
    drop(stream);
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    println!("{}: {}", response.status(), String::from_utf8_lossy(&heard));
}

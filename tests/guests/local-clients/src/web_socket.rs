//! tungstenite, on both sides.

use crate::Result;
use crate::server::if_ready;
use std::net::{TcpListener, TcpStream};
use tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

type Socket = WebSocket<TcpStream>;

pub(crate) fn talk(ip: &str) -> Result<()> {
    let (mut client, mut server) = handshake(ip)?;
    let binary: Vec<u8> = (0..400_000).map(|i| (i / 7) as u8).collect();
    for message in [
        Message::text("a text"),
        Message::binary(binary),
        Message::Ping("anybody?".into()),
    ] {
        let heard = pass(message.clone(), &mut client, &mut server)?;
        let back = match message.is_ping() {
            // The server has answered by itself.
            true => hear(&mut client, &mut server)?,
            false => pass(heard.clone(), &mut server, &mut client)?,
        };
        println!(
            "  websocket: {} bytes, heard: {}, back: {}",
            message.len(),
            heard == message,
            back.into_data() == message.into_data()
        );
    }
    let (code, reason) = (CloseCode::Normal, "all is said".into());
    let close = Message::Close(Some(CloseFrame { code, reason }));
    println!("  websocket: {:?}", pass(close, &mut client, &mut server)?);
    server.flush().ok();
    println!("  websocket: {:?}", hear(&mut client, &mut server)?);
    Ok(())
}

fn handshake(ip: &str) -> Result<(Socket, Socket)> {
    let listener = TcpListener::bind(format!("{ip}:0"))?;
    let address = listener.local_addr()?;
    let client = TcpStream::connect(address)?;
    let (server, _) = listener.accept()?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let client = tungstenite::client(format!("ws://{address}/chat"), client);
    let (mut client, mut client_half) = shaken(client.map(|(socket, _)| socket))?;
    let (mut server, mut server_half) = shaken(tungstenite::accept(server))?;
    loop {
        if let Some(half) = client_half.take() {
            (client, client_half) = shaken(half.handshake().map(|(socket, _)| socket))?;
        }
        if let Some(half) = server_half.take() {
            (server, server_half) = shaken(half.handshake())?;
        }
        if client.is_some() && server.is_some() {
            let both = client.zip(server);
            return both.ok_or_else(|| "both are there".into());
        }
    }
}

type Half<R> = (Option<Socket>, Option<MidHandshake<R>>);

/// A socket, or the handshake that will give it.
fn shaken<R: HandshakeRole>(
    result: std::result::Result<Socket, HandshakeError<R>>,
) -> Result<Half<R>> {
    match result {
        Ok(socket) => Ok((Some(socket), None)),
        Err(HandshakeError::Interrupted(half)) => Ok((None, Some(half))),
        Err(HandshakeError::Failure(e)) => Err(e.into()),
    }
}

/// Has one say a message and the other hear it, by turns.
fn pass(message: Message, from: &mut Socket, to: &mut Socket) -> Result<Message> {
    unless_blocked(from.write(message))?;
    loop {
        unless_blocked(from.flush())?;
        if let Some(heard) = unless_blocked(to.read())? {
            return Ok(heard);
        }
    }
}

/// Has one hear what the other has to say by itself.
fn hear(by: &mut Socket, from: &mut Socket) -> Result<Message> {
    loop {
        match from.flush() {
            // That is how it learns that the closing is over.
            Err(Error::ConnectionClosed) => {}
            result => drop(unless_blocked(result)?),
        }
        if let Some(heard) = unless_blocked(by.read())? {
            return Ok(heard);
        }
    }
}

fn unless_blocked<T>(result: tungstenite::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Io(e)) => Ok(if_ready(Err(e))?),
        Err(e) => Err(e.into()),
    }
}

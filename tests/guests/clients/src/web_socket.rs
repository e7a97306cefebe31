//! tungstenite.

use crate::Result;
use std::net::TcpStream;
use tungstenite::Message;
use tungstenite::handshake::client::Request;

/// The key that RFC 6455 has for an example, so that a script knows the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What comes back for a text.
pub(crate) fn talk(url: &str, text: &str) -> Result<String> {
    let host = url.trim_start_matches("ws://");
    let host = host.split('/').next().unwrap_or(host);
    let request = Request::builder()
        .uri(url)
        .header("Host", host)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", KEY)
        .body(())?;
    let (mut socket, _) = tungstenite::client(request, TcpStream::connect(host)?)
        .map_err(|e| format!("no handshake: {e}"))?;
    socket.send(Message::text(text))?;
    let heard = socket.read()?;
    Ok(heard.into_text()?.to_string())
}

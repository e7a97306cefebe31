//! lettre.

use crate::Result;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};

/// Hands a mail over, from A to B.
pub(crate) fn send(server: &str, from: &str, to: &str) -> Result<String> {
    let mail = Message::builder()
        .from(from.parse()?)
        .to(to.parse()?)
        .subject("hello")
        .body("hi".to_owned())?;
    // There is no TLS. With a timeout it would call `fcntl`, which knows no sockets in the C library of
    // Rust 1.95.
    let transport = SmtpTransport::builder_dangerous(server)
        .timeout(None)
        .hello_name(ClientId::Domain("here.test".to_owned()))
        .build();
    let response = transport.send(&mail)?;
    Ok(response.message().collect::<Vec<_>>().join(" "))
}

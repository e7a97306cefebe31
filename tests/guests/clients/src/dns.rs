//! simple-dns, over UDP.

use crate::Result;
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, Question, TYPE};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The addresses of a name. A query that is not answered within a second is sent again, twice.
pub(crate) fn ask(server: &str, name: &str) -> Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_nonblocking(true)?;
    for number in 1..=3 {
        let mut query = Packet::new_query(number);
        let (kind, class) = (TYPE::A.into(), CLASS::IN.into());
        let question = Question::new(Name::new(name)?, kind, class, false);
        query.questions.push(question);
        socket.send_to(&query.build_bytes_vec()?, server)?;
        let mut answer = [0; 512];
        match within_a_second(&socket, &mut answer) {
            Ok(count) => return addresses(&answer[..count]),
            Err(e) => println!("query {number}: {:?}", e.kind()),
        }
    }
    Err("nobody answers".into())
}

/// A datagram. Sockets for UDP have no timeouts in WASI, so it looks again and again.
fn within_a_second(socket: &UdpSocket, answer: &mut [u8]) -> std::io::Result<usize> {
    let begin = Instant::now();
    loop {
        match socket.recv_from(answer) {
            Err(e) if e.kind() == ErrorKind::WouldBlock && begin.elapsed() < SECOND => {
                std::thread::sleep(SECOND / 100);
            }
            other => return other.map(|(count, _)| count),
        }
    }
}

fn addresses(answer: &[u8]) -> Result<String> {
    let answer = Packet::parse(answer)?;
    let all = answer.answers.iter().filter_map(|it| match &it.rdata {
        RData::A(a) => Some(std::net::Ipv4Addr::from(a.address).to_string()),
        _ => None,
    });
    Ok(all.collect::<Vec<_>>().join(" "))
}

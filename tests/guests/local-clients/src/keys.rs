//! The `redis` crate.

use crate::Result;
use crate::server::Server;
use redis::{Client, Connection, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo, cmd};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

pub(crate) fn talk(ip: &str) -> Result<()> {
    let mut server = Server::new(ip, answer)?;
    let url = format!("redis://{}/", server.address()?);
    // Without this a connection waits for an answer before anybody can take a turn.
    let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
    let client = Client::open(url.into_connection_info()?.set_redis_settings(quiet))?;
    let (mut one, mut two) = (client.get_connection()?, client.get_connection()?);
    let mut ask = |connection: &mut Connection, words: &[&str]| {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        connection.send_packed_command(&command.get_packed_command())?;
        server.turn()?;
        Result::Ok(connection.recv_response()?)
    };
    ask(&mut one, &["SET", "greeting", "hello"])?;
    let greeting = String::from_redis_value(ask(&mut two, &["GET", "greeting"])?)?;
    let large = "x".repeat(60_000);
    ask(&mut two, &["SET", "large", &large])?;
    let returned = String::from_redis_value(ask(&mut one, &["GET", "large"])?)?;
    let nothing = Option::<String>::from_redis_value(ask(&mut one, &["GET", "nothing"])?)?;
    println!("  redis: {greeting}, {}, {nothing:?}", returned == large);
    let unknown = ask(&mut two, &["FLY"])?.extract_error();
    println!("  redis: {}", unknown.expect_err("nobody knows it"));
    let pairs = redis::pipe()
        .cmd("SET")
        .arg(&["a", "1"])
        .cmd("GET")
        .arg("a")
        .get_packed_pipeline();
    one.send_packed_command(&pairs)?;
    server.turn()?;
    let set = one.recv_response()?;
    println!("  redis: {set:?}, {:?}", one.recv_response()?);
    Ok(())
}

/// Answers a command: an array of strings.
fn answer(said: &mut Vec<u8>) -> Option<Vec<u8>> {
    static KEYS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);
    let (mut rest, mut words) = (&said[..], Vec::new());
    for _ in 0..number(&mut rest, b'*')? {
        let length = number(&mut rest, b'$')?;
        let word = rest.get(..length)?;
        words.push(String::from_utf8_lossy(word).into_owned());
        rest = rest.get(length + 2..)?;
    }
    *said = rest.to_vec();
    let mut keys = KEYS.lock().expect("nobody panics with it");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let answer = match words[..] {
        ["SET", key, value] => {
            keys.insert(key.to_owned(), value.to_owned());
            "+OK\r\n".to_owned()
        }
        ["GET", key] => match keys.get(key) {
            Some(value) => format!("${}\r\n{value}\r\n", value.len()),
            None => "$-1\r\n".to_owned(),
        },
        _ => format!("-ERR unknown command '{}'\r\n", words[0]),
    };
    Some(answer.into_bytes())
}

/// Takes a line like `*3`.
fn number(rest: &mut &[u8], mark: u8) -> Option<usize> {
    let end = rest.windows(2).position(|at| at == b"\r\n")?;
    let (line, after) = rest.split_at(end);
    assert_eq!(line[0], mark, "{line:?}");
    *rest = &after[2..];
    str::from_utf8(&line[1..]).ok()?.parse().ok()
}

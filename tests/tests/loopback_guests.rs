//! Programs that were not written for it, on a network in memory.

use anyhow::Result;
use bytes::Bytes;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::host::{self, Sockets};
use sockvirt_tests::loopback::{as_on_a_host, build};
use wasmtime::component::Component;

/// Not beside the same program on sockets of a host: there it waits now and then for what has
/// come.
#[test]
fn tokio() -> Result<()> {
    let outcome = host::run(&build(&Guest::LocalTokio.build()?)?, Sockets::None)?;
    let expected = "  3994950 bytes came back over 100 connections
  a question: A QUESTION
  tick 0, tick 1, tick 2, tick 3, tick 4
  in time: false false
  without waiting: Err(WouldBlock)
  1 bytes in time
  datagrams of [1, 151, 301, 451, 601, 751, 901, 1051, 1201, 1351] bytes
  bound twice: Err(AddrInUse)
  nobody listens: Err(ConnectionRefused)
  at the end: 0 bytes
  nobody reads: true
";
    let expected = format!("over 127.0.0.1\n{expected}over [::1]\n{expected}");
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

#[test]
fn wstd() -> Result<()> {
    let outcome = as_on_a_host(&Guest::LocalWstd.build()?)?;
    let expected = "790435 bytes came back over 30 connections
after 1 ms
after 2 ms
after 3 ms
after 4 ms
after 5 ms
nothing in time: Err(TimedOut)
in time: Ok(Ok(1))
bound twice: Err(AddrInUse)
nobody listens: Err(ConnectionRefused)
";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

/// ureq, tungstenite and redis.
#[test]
fn clients_that_people_use() -> Result<()> {
    let outcome = host::run(&build(&Guest::LocalClients.build()?)?, Sockets::None)?;
    let close = "Close(Some(CloseFrame { code: Normal, reason: Utf8Bytes(b\"all is said\") }))";
    let expected = format!(
        "  http: GET /page?of=2 text/plain
  http: 500012 bytes back, true
  http: http status: 404
  http: 1 connection for all
  websocket: 6 bytes, heard: true, back: true
  websocket: 400000 bytes, heard: true, back: true
  websocket: 8 bytes, heard: true, back: true
  websocket: {close}
  websocket: {close}
  redis: hello, true, None
  redis: ResponseError: unknown command 'FLY'
  redis: ok, bulk-string('\"1\"')
"
    );
    let expected = format!("over 127.0.0.1\n{expected}over [::1]\n{expected}");
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
    assert_eq!(outcome.status, 0);
    Ok(())
}

/// One instance answers several requests, each by way of a service over TCP that it runs itself.
#[test]
fn a_handler_and_the_service_behind_it() -> Result<()> {
    let component = Component::new(host::engine(), build(&Guest::Relay.build()?)?)?;
    let large = "a lot ".repeat(100_000);
    let requests = [("GET", ""), ("POST", "some"), ("PUT", &large), ("GET", "")];
    let answers = host::serve_all_in(
        &host::linker(Sockets::None)?,
        host::store(Sockets::None).0,
        &component,
        requests.map(|(method, body)| {
            let request = http::Request::builder().method(method);
            let request = request.uri("http://localhost/a/path");
            request
                .body(Bytes::from(body.to_owned()))
                .expect("a request")
        }),
    )?;
    let expected =
        requests.map(|(method, body)| format!("{method} /A/PATH\n{}", body.to_uppercase()));
    assert!(answers == expected, "{:?}", answers.iter().map(String::len));
    Ok(())
}

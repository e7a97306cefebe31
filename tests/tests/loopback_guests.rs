//! Programs that were not written for it, on a network in memory.

use anyhow::Result;
use sockvirt_tests::guests::Guest;
use sockvirt_tests::loopback::as_on_a_host;

#[test]
fn tokio() -> Result<()> {
    let outcome = as_on_a_host(&Guest::LocalTokio.build()?)?;
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

//! tokio-postgres.

use crate::Result;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

/// The first value that a query gives. The database is connected to several times, and later each time.
pub(crate) async fn ask(server: &str, query: &str, tries: &str) -> Result<String> {
    let begin = Instant::now();
    let mut pause = Duration::from_secs(1);
    for _ in 1..tries.parse()? {
        match once(server, query).await {
            Ok(value) => return Ok(after(begin, &value)),
            Err(e) => println!("{e}"),
        }
        sleep(pause).await;
        pause *= 2;
    }
    Ok(after(begin, &once(server, query).await?))
}

fn after(begin: Instant, value: &str) -> String {
    format!("{value} after {} s", begin.elapsed().as_secs())
}

async fn once(server: &str, query: &str) -> Result<String> {
    // tokio would look the name up on another thread.
    let address = server.to_socket_addrs()?.next().ok_or("no address")?;
    let stream = TcpStream::connect(address).await?;
    let mut config = Config::new();
    config.user("app").dbname("shop");
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    let connection = tokio::spawn(connection);
    let rows = client.simple_query(query).await?;
    drop(client);
    connection.await??;
    let values = rows.iter().find_map(|it| match it {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(values.ok_or("no row")?)
}

//! A client of Redis: `URL`.

use redis::{Client, Commands, RedisResult, pipe};

fn main() {
    let url = std::env::args().nth(1).expect("usage: URL");
    if let Err(e) = talk(&url) {
        println!(
            "failed: {:?}, refused: {}",
            e.kind(),
            e.is_connection_refusal()
        );
        std::process::exit(3);
    }
}

fn talk(url: &str) -> RedisResult<()> {
    let mut redis = Client::open(url)?.get_connection()?;
    redis.set::<_, _, ()>("greeting", "hello from a component")?;
    println!("get: {}", redis.get::<_, String>("greeting")?);
    println!("incr: {}", redis.incr::<_, _, i64>("counter", 41)?);
    println!("incr: {}", redis.incr::<_, _, i64>("counter", 1)?);
    let large = "x".repeat(300_000);
    let (length, list): (usize, Vec<String>) = pipe()
        .set("large", &large)
        .ignore()
        .strlen("large")
        .rpush("list", &["a", "b", "c"])
        .ignore()
        .lrange("list", 0, -1)
        .query(&mut redis)?;
    println!("pipeline: {length} {list:?}");
    let returned: String = redis.get("large")?;
    println!("large: {}", returned == large);
    Ok(())
}

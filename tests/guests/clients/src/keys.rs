//! The `redis` crate.

use crate::Result;
use redis::{Client, Commands, IntoConnectionInfo, RedisConnectionInfo};

/// What a key has. It is asked for on a new connection where one breaks.
pub(crate) fn get(url: &str, key: &str, tries: u32) -> Result<String> {
    // Without this it tells its name first.
    let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
    let client = Client::open(url.into_connection_info()?.set_redis_settings(quiet))?;
    for _ in 1..tries {
        match once(&client, key) {
            Ok(value) => return Ok(value),
            Err(e) => println!("{e}"),
        }
    }
    Ok(once(&client, key)?)
}

fn once(client: &Client, key: &str) -> redis::RedisResult<String> {
    client.get_connection()?.get(key)
}

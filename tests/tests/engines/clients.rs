//! The `redis` package and `http.client` of Python, against real servers.

use crate::python::python;
use anyhow::{Context, Result, ensure};
use sockvirt::Virtualizer;
use sockvirt_tests::allowlist::{allow, policy};
use sockvirt_tests::peers::{self, Redis};
use sockvirt_tests::recording::{Recording, Run, Use};

const REDIS: &str = "redis: ['hello from Python', 41, 42]";
const HTTP: &str = "http: b'GET /page HTTP/1.1'";

/// Bare, allowed by name, and each of the two denied.
pub(crate) fn under_policies() -> Result<()> {
    let client = python("client")?;
    let web = peers::http_server("127.0.0.1").port();
    let rule = |name: &str, port: u16| {
        let to = format!("to = \"{name}\"\nport = {port}");
        allow(&format!("{to}\nresolves-to = [\"loopback\"]"))
    };
    for (redis_allowed, web_allowed) in [(true, true), (true, false), (false, true)] {
        let redis = Redis::start()?;
        let port = redis.address.port();
        let rules = [
            rule("cache.test", if redis_allowed { port } else { 9 }),
            rule("*.web.test", if web_allowed { web } else { 9 }),
        ];
        let built = Virtualizer::new(policy(&rules.concat())?).build(&client)?;
        let run = talk(&built.component, port, web).context("the composed client")?;
        let reached = run.reached_by(Use::TcpConnect);
        let (cache, site) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{web}"));
        ensure!(reached.contains(&cache) == redis_allowed, "{run:?}");
        ensure!(reached.contains(&site) == web_allowed, "{run:?}");
        ensure!(run.lines().contains(&REDIS) == redis_allowed, "{run:?}");
        ensure!(run.lines().contains(&HTTP) == web_allowed, "{run:?}");
        let denied = run.outcome.stdout.contains("PermissionError");
        ensure!(denied != (redis_allowed && web_allowed), "{run:?}");
    }
    let redis = Redis::start()?;
    let bare = talk(&client, redis.address.port(), web).context("the bare client")?;
    ensure!(bare.lines() == [REDIS, HTTP], "{bare:?}");
    Ok(())
}

fn talk(client: &[u8], redis: u16, web: u16) -> Result<Run> {
    let host = Recording::new()
        .answering("cache.test", ["127.0.0.1"])
        .answering("a.web.test", ["127.0.0.1"]);
    let (redis, web) = (redis.to_string(), web.to_string());
    host.run(client, &["cache.test", &redis, "a.web.test", &web])
}

//! ureq.

use crate::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};
use ureq::Agent;

/// Pages, one after the other.
pub(crate) fn get_all(urls: &[&str], tries: u32) -> Result<String> {
    let pages: Result<Vec<_>> = urls.iter().map(|url| get(url, tries)).collect();
    Ok(pages?.join("\n"))
}

/// A page. It is asked for several times, and later each time.
fn get(url: &str, tries: u32) -> Result<String> {
    let config = Agent::config_builder()
        .timeout_recv_response(Some(Duration::from_secs(10)))
        .timeout_recv_body(Some(Duration::from_secs(10)))
        .build();
    let agent = Agent::new_with_config(config);
    let begin = Instant::now();
    let mut pause = Duration::from_secs(1);
    for _ in 1..tries {
        match once(&agent, url) {
            Ok(body) => return Ok(format!("{body} after {} s", begin.elapsed().as_secs())),
            Err(e) => println!("{e}"),
        }
        sleep(pause);
        pause *= 2;
    }
    let body = once(&agent, url)?;
    Ok(format!("{body} after {} s", begin.elapsed().as_secs()))
}

fn once(agent: &Agent, url: &str) -> std::result::Result<String, ureq::Error> {
    agent.get(url).call()?.into_body().read_to_string()
}

//! Sleeps, looks at clocks and exits, when another component tells it to. It has no sockets.

use exports::test::ensemble::sleeper::Guest;
use std::time::{Duration, Instant, SystemTime};

wit_bindgen::generate!({ path: "../player/wit", world: "sleeps" });

struct Sleeper;

export!(Sleeper);

impl Guest for Sleeper {
    fn act(step: String) -> String {
        let (word, number) = step.split_once(' ').unwrap_or((&step, "0"));
        let number = number.parse().expect("a number");
        let begin = Instant::now();
        match word {
            "sleep" => std::thread::sleep(Duration::from_millis(number)),
            "exit" => std::process::exit(number as i32),
            "date" => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                return format!("{} days", since.expect("after 1970").as_secs() / 86_400);
            }
            _ => panic!("cannot read `{step}`"),
        }
        format!("{step}: {} ms", begin.elapsed().as_millis())
    }
}

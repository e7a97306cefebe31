//! Does what its arguments say, one after the other, and prints what came of each.

mod steps;

fn main() {
    let mut has = steps::Has::default();
    for arg in std::env::args().skip(1) {
        println!("{}", has.act(&arg));
    }
}

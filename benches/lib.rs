//! What sockvirt costs. The benches are in `cost.rs`, `allowlist.rs`,
//! `rules.rs`, `loopback.rs`, `loopback_3.rs` and `script.rs`:
//! `cargo bench -p sockvirt-benches`.

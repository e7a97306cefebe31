//! What sockvirt costs. The benches are in `cost.rs`, `allowlist.rs` and
//! `loopback.rs`:
//! `cargo bench -p sockvirt-benches`.

//! What sockvirt costs. The benches are in `cost.rs` and `allowlist.rs`:
//! `cargo bench -p sockvirt-benches`.

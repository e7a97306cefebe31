//! What sockvirt costs. The benches are in `cost.rs`: `cargo bench -p sockvirt-benches`.

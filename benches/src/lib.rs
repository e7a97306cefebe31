//! What sockvirt costs: bytes, build time, memory.

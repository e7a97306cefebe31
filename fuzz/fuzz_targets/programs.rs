//! See [`sockvirt_fuzz::programs`].

#![no_main]

libfuzzer_sys::fuzz_target!(
    init: sockvirt_fuzz::let_panics_be_caught(),
    |data: &[u8]| sockvirt_fuzz::programs(data)
);

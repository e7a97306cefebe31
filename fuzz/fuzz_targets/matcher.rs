//! See [`sockvirt_fuzz::matcher`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockvirt_fuzz::matcher(data));

//! See [`sockvirt_fuzz::wire`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockvirt_fuzz::wire(data));

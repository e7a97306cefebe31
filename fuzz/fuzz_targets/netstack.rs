//! See [`sockvirt_fuzz::netstack`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sockvirt_fuzz::netstack(data));

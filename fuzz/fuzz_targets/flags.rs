//! See [`sockvirt_fuzz::flags`].

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sockvirt_fuzz::flags(text));

//! See [`sockvirt_fuzz::policy`].

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sockvirt_fuzz::policy(text));

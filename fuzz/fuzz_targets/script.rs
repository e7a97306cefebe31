//! See [`sockvirt_fuzz::script`].

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| sockvirt_fuzz::script(text));

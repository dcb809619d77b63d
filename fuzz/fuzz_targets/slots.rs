//! libFuzzer's entry to the target of this name. It must not do anything else.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| roomcast_fuzz::target("slots")(input));

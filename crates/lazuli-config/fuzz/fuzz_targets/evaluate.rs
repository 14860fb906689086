#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lazuli_config_fuzz::evaluate(data));

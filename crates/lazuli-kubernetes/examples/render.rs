//! Prints the user-data of a sample node in base64, as Azure is sent it: `render first|further|worker`.
//! For `ci/user-data.sh`.

use std::io::Write;

use lazuli_kubernetes::user_data::render;

#[path = "../tests/samples/mod.rs"]
#[expect(clippy::unwrap_used, reason = "samples are written by us")]
mod samples;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = match std::env::args().nth(1).as_deref() {
        Some("first") => samples::first(),
        Some("further") => samples::further(),
        Some("worker") => samples::worker(),
        _ => return Err("usage: render first|further|worker".into()),
    };
    std::io::stdout().write_all(render(&node)?.custom_data().as_bytes())?;
    Ok(())
}

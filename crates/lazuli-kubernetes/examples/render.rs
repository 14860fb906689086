//! Prints the user-data of a sample node in base64, as Azure is sent it: `render NAME`; the names of all: `render`.
//! For `ci/user-data.sh`.

use std::io::Write;

use lazuli_kubernetes::user_data::render;

#[path = "../tests/samples/mod.rs"]
#[expect(clippy::unwrap_used, reason = "samples are written by us")]
mod samples;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let all = samples::all();
    let mut out = std::io::stdout();
    let Some(wanted) = std::env::args().nth(1) else {
        for (name, _) in all {
            writeln!(out, "{name}")?;
        }
        return Ok(());
    };
    let (_, node) = all.into_iter().find(|(name, _)| *name == wanted).ok_or("there is no such node")?;
    out.write_all(render(&node, &samples::secrets(&node))?.custom_data().as_bytes())?;
    Ok(())
}

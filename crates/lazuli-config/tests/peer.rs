//! hcl-edit, which reads the same language with other code, as a witness: what the formatter writes it
//! reads, with the same outline as before.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::{Path, PathBuf};

use hcl_edit::structure::{Body, Structure};
use lazuli_config::format;
use lazuli_core::Sources;

/// Real configurations and the cases of the formatter.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("examples"), root.join("testdata/fmt")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "hcl" || e == "in") {
                let text = std::fs::read_to_string(&path).unwrap();
                texts.push((path, text));
            }
        }
    }
    texts
}

/// Names, labels and nesting.
fn outline(body: &Body) -> String {
    let parts = body.iter().map(|structure| match structure {
        Structure::Attribute(attribute) => format!("{} = …;", attribute.key.as_str()),
        Structure::Block(block) => {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            format!("{} {labels:?} {{{}}}", block.ident.as_str(), outline(&block.body))
        }
    });
    parts.collect()
}

#[test]
fn the_canonical_format_has_the_same_outline_to_another_parser() {
    let mut compared = 0;
    for (path, text) in texts() {
        let Ok(before) = text.parse::<Body>() else { continue };
        let Ok(formatted) = format(&mut Sources::default(), "main.hcl", &text) else { continue };
        let after: Body = formatted.parse().unwrap();
        assert_eq!(outline(&before), outline(&after), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 25, "only {compared} compared");
}

//! The canonical format is Terraform's, byte by byte: `testdata/fmt` holds what people may write and what
//! `terraform fmt` made of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use common::show;
use lazuli_config::format;
use lazuli_core::Sources;
use proptest::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn formatted(text: &str) -> String {
    let mut sources = Sources::default();
    format(&mut sources, "main.hcl", text)
        .unwrap_or_else(|found| panic!("{}\n{text}", show(&sources, &found)))
}

/// Inputs with what is expected of them.
fn corpus() -> Vec<(String, String, String)> {
    let folder = root().join("testdata/fmt");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "in") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let read = |path: &Path| String::from_utf8(std::fs::read(path).unwrap()).unwrap();
            cases.push((name, read(&path), read(&path.with_extension("out"))));
        }
    }
    assert!(cases.len() > 40, "{}", cases.len());
    let generated = std::fs::read_to_string(folder.join("generated.jsonl")).unwrap();
    for (i, line) in generated.lines().enumerate() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| case[field].as_str().unwrap().to_owned();
        cases.push((format!("generated {}", i + 1), text("in"), text("out")));
    }
    cases
}

/// Every configuration in a folder and the folders in it.
fn configurations(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            configurations(&path, into);
        } else if path.extension().is_some_and(|end| end == "hcl") {
            into.push(path);
        }
    }
}

#[test]
fn every_text_looks_as_terraform_makes_it_look() {
    let different: Vec<String> = corpus()
        .into_iter()
        .filter(|(_, before, after)| formatted(before) != *after)
        .map(|(name, before, after)| format!("{name}\n--- got\n{}\n--- wanted\n{after}", formatted(&before)))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

#[test]
fn what_is_formatted_stays_as_it_is() {
    for (name, _, after) in corpus() {
        assert_eq!(formatted(&after), after, "{name}");
    }
}

#[test]
fn examples_test_data_and_documentation_are_in_the_format_themselves() {
    let mut files = Vec::new();
    for folder in ["examples", "testdata"] {
        configurations(&root().join(folder), &mut files);
    }
    assert!(files.len() > 20);
    let texts =
        files.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
    for (name, text) in texts.chain(snippets()) {
        match format(&mut Sources::default(), "main.hcl", &text) {
            Ok(formatted) => assert_eq!(formatted, text, "{name}"),
            // Some show what is refused.
            Err(_) => {
                assert!(name.contains("testdata/bad") || name.contains("docs/errors"), "{name}\n{text}")
            }
        }
    }
}

/// The HCL in the documentation.
fn snippets() -> Vec<(String, String)> {
    let mut snippets = Vec::new();
    let mut folders = vec![root().join("docs")];
    let mut pages = vec![root().join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for snippet in text.split("```hcl\n").skip(1) {
            let snippet = snippet.split("```").next().unwrap();
            snippets.push((page.display().to_string(), snippet.to_owned()));
        }
    }
    assert!(snippets.len() > 20);
    snippets
}

#[test]
fn a_text_that_is_no_configuration_is_refused_with_all_its_mistakes() {
    let mut sources = Sources::default();
    let found = format(&mut sources, "main.hcl", "a=\nb=[1\nc=2\n").unwrap_err();
    insta::assert_snapshot!(show(&sources, &found));
}

/// Where Terraform loses comments, drops a label or leaves something that is no configuration any more, this does not.
#[test]
fn nothing_is_lost_where_terraform_loses_it() {
    for (before, after) in [
        ("a /* 1 */ b /* 2 */ \"c\" /* 3 */ {}\n", "a /* 1 */ \"b\" /* 2 */ \"c\" /* 3 */ {}\n"),
        ("a \"b\\n\" {}\n", "a \"b\\n\" {}\n"),
        ("a = \"${ # c\nb}\"\n", "a = ( # c\nb)\n"),
        ("a = \"${(b)\n+(c)}\"\n", "a = ((b)\n+ (c))\n"),
        ("a = \"${<<E\nx\nE\n}\" # c\n", "a = \"${<<E\nx\nE\n}\" # c\n"),
        // Once is enough.
        ("a = \"${\"${b}\"}\"\n", "a = b\n"),
    ] {
        assert_eq!(formatted(before), after);
        assert_eq!(formatted(after), after);
    }
}

/// A text without its blanks and line ends.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

const PIECES: [&str; 22] = [
    "a=1\n",
    "bb  =  [1,\n2 ]\n",
    "c{\n",
    "}\n",
    "# c\n",
    "d={e=1,f:2}\n",
    "\n\n",
    "g=f(x,\n{a=1\nbb=2}) # c\n",
    "h \"l\"   {",
    "  ",
    "\t",
    "/* k\n l */",
    "i=<<E\n ${ x } \nE\n",
    "j=-1 - - 2\n",
    "k=x?y:-z // d\n",
    "é=\"${a}b\"\n",
    "l=[for x in y:x]\n",
    "m=(\n1\n+2)\n",
    "\r\n",
    "n=a.b [0] .c\n",
    "o={\n\"p\"=1 # q\nr   = 2 # s\n}\n",
    "x {}\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn formatting_twice_is_formatting_once(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..20)) {
        let text = pieces.concat();
        if let Ok(once) = format(&mut Sources::default(), "main.hcl", &text) {
            prop_assert_eq!(dense(&once), dense(&text));
            prop_assert_eq!(format(&mut Sources::default(), "main.hcl", &once).unwrap(), once);
        }
    }

    #[test]
    fn blanks_at_the_edge_of_lines_and_around_operators_are_all_the_same(blanks in prop::collection::vec(" {0,3}", 12)) {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = &blanks[..] else { unreachable!() };
        let text = format!("{a}x{b}\"y\"{c}{{{d}\n{e}a{f}={g}[{h}1{i},{j}-{k}2{l}]\n}}\n");
        prop_assert_eq!(formatted(&text), "x \"y\" {\n  a = [1, -2]\n}\n");
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,60}|[a-c={}\\[\\]\"$%\\n<E.,:# /*-]{0,60}") {
        let _ = format(&mut Sources::default(), "main.hcl", &text);
    }
}

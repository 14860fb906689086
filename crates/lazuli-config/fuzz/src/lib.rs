//! What is tried on arbitrary bytes. Plain functions, so that a test on stable Rust can call them too
//! (`tests/fuzz_corpus.rs` of `lazuli-config`).

#![forbid(unsafe_code)]

use std::sync::Arc;

use lazuli_config::{
    Evaluator, NoExternals, NoFiles, Origin, VariableInput, format, parse as parse_module, parse_expression,
    parse_template, parse_variables,
};
use lazuli_core::{Diagnostics, Sources};

/// Longer inputs find nothing that shorter ones do not.
const MAX_INPUT: usize = 1 << 16;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| text.len() <= MAX_INPUT)
}

/// What every diagnostic promises.
fn check(diagnostics: &Diagnostics, sources: &Sources) {
    for diagnostic in diagnostics {
        assert!(!diagnostic.message.is_empty());
        for label in diagnostic.primary.iter().chain(&diagnostic.secondary) {
            assert!(label.span.start <= label.span.end, "{}", diagnostic.message);
            assert!(sources.location(label.span).is_some(), "{} points nowhere", diagnostic.message);
        }
    }
}

/// Reads a text as everything that a text can be.
pub fn parse(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut sources = Sources::default();
    let (module, diagnostics) = parse_module(&mut sources, vec![("main.hcl".into(), text.to_owned())]);
    check(&diagnostics, &sources);
    let (_, diagnostics) = parse_variables(&mut sources, &module, "lazuli.vars.hcl", text);
    check(&diagnostics, &sources);
    if let Err(diagnostics) = parse_expression(&mut sources, "expression", text) {
        assert!(!diagnostics.is_empty());
        check(&diagnostics, &sources);
    }
    if let Err(diagnostics) = parse_template(&mut sources, "template", text) {
        assert!(!diagnostics.is_empty());
        check(&diagnostics, &sources);
    }
}

/// Evaluates a text: as a configuration, as an expression of it, as the value of a variable.
pub fn evaluate(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut sources = Sources::default();
    let (module, diagnostics) = parse_module(&mut sources, vec![("main.hcl".into(), text.to_owned())]);
    let fine = diagnostics.is_empty();
    let (module, inputs) = if fine {
        let inputs = module.variables.iter().map(|v| VariableInput::text(&v.name.text, text, Origin::Flag));
        let inputs: Vec<VariableInput> = inputs.collect();
        (module, inputs)
    } else {
        (parse_module(&mut sources, vec![("none.hcl".into(), String::new())]).0, Vec::new())
    };
    let (evaluator, diagnostics) = Evaluator::new(Arc::new(module), &inputs, Arc::new(NoFiles));
    check(&diagnostics, &sources);
    for output in &evaluator.module().outputs {
        if let Err(diagnostics) = evaluator.expression(&output.value, &NoExternals, None) {
            check(&diagnostics, &sources);
        }
    }
    if let Ok(expr) = parse_expression(&mut sources, "expression", text)
        && let Err(diagnostics) = evaluator.expression(&expr, &NoExternals, None)
    {
        check(&diagnostics, &sources);
    }
}

/// Formats a text. What comes out is the same words, and is in the format already.
pub fn fmt(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut sources = Sources::default();
    match format(&mut sources, "main.hcl", text) {
        Ok(once) => {
            let twice = format(&mut Sources::default(), "main.hcl", &once);
            assert_eq!(twice.as_ref().ok(), Some(&once), "{text:?} is formatted as {once:?}");
        }
        Err(diagnostics) => check(&diagnostics, &sources),
    }
}

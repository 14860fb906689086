//! Files of variables: `name = value` lines.

use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Sources};

use crate::codes;
use crate::module::{Module, Variable};
use crate::parallel::parse_file;
use crate::parse::is_broken;
use crate::variables::{InputValue, Origin, VariableInput};

/// Reads a file of values for the variables of a module. What is wrong where a sensitive variable is given its value is said
/// without showing the text.
pub fn parse_variables(
    sources: &mut Sources,
    module: &Module,
    name: &str,
    text: &str,
) -> (Vec<VariableInput>, Diagnostics) {
    let name: Arc<str> = Arc::from(name);
    let text: Arc<str> = Arc::from(text);
    let file = sources.add(name.clone(), text.clone());
    let (body, mut diagnostics) = parse_file(&text, file);
    for block in &body.blocks {
        diagnostics.push(
            Diagnostic::error(codes::UNKNOWN_BLOCK, "a file of variables has no blocks")
                .at(block.span, "expected lines of the form name = value"),
        );
    }
    for diagnostic in &mut diagnostics {
        let Some(start) = diagnostic.primary.as_ref().map(|label| label.span.start as usize) else {
            continue;
        };
        if given_at(module, &text, start).is_some_and(|variable| variable.sensitive) {
            let place = diagnostic.primary.as_ref().and_then(|label| sources.location(label.span));
            let place = place.map_or_else(|| name.to_string(), |place| place.to_string());
            let message = format!("{place}: the value of a sensitive variable cannot be read");
            *diagnostic = Diagnostic::error(diagnostic.code, message)
                .note("the reason is not shown: it might tell the value")
                .help("text stands in double quotes, with \\ before every \" and \\ in it");
        }
    }
    let inputs =
        body.attributes.into_iter().filter(|a| !is_broken(&a.value)).map(|attribute| VariableInput {
            name: attribute.name.text,
            span: Some(attribute.name.span),
            value: InputValue::Expr(Box::new(attribute.value)),
            origin: Origin::File(name.clone()),
        });
    (inputs.collect(), diagnostics)
}

/// The variable that is probably given its value at a place: of the last line from there upwards that begins `name =` with
/// the name of one.
fn given_at<'m>(module: &'m Module, text: &str, place: usize) -> Option<&'m Variable> {
    let end = text[place..].find('\n').map_or(text.len(), |end| place + end);
    text[..end].lines().rev().find_map(|line| {
        let (name, _) = line.split_once('=')?;
        module.variables.at(module.variables.position(name.trim())?)
    })
}

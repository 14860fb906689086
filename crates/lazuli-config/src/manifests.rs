//! Files of Kubernetes objects: YAML documents, or templates of such.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_core::{Diagnostic, Diagnostics, Span, Type, Value};

use crate::codes;
use crate::evaluator::Evaluator;
use crate::externals::NoExternals;
use crate::functions;
use crate::syntax::{Call, Expr, ExprKind, Name};

impl Evaluator {
    /// The documents of a file, in order. With `values` the file is a template in which these names mean something, as with
    /// `templatefile`. `None` while a value is not known. What comes from a sensitive value is sensitive.
    ///
    /// # Errors
    /// When the file cannot be read, the template not be rendered, or the text is no YAML.
    pub fn documents(
        &self,
        path: &str,
        values: &BTreeMap<Arc<str>, Value>,
        span: Span,
    ) -> Result<Option<Vec<Value>>, Diagnostics> {
        let literal = |value: Value| Expr { span, kind: ExprKind::Literal(value) };
        let ask = |name: &str, arguments: Vec<Expr>, failed: &str| {
            let call = Call { name: Name { text: name.into(), span }, arguments, expand_last: false };
            let expr = Expr { span, kind: ExprKind::Call(Box::new(call)) };
            self.expression(&expr, &NoExternals, None).map_err(|mut found| {
                // Nobody wrote the function.
                let by_function = found.iter_mut().filter(|problem| problem.code == codes::FUNCTION_FAILED);
                by_function.for_each(|problem| problem.message = format!("the manifest {path} {failed}"));
                found
            })
        };
        let file = || literal(Value::string(path));
        // Read by itself first: why a file cannot be read is no secret, whatever its values are.
        let mut text = ask("file", vec![file()], "cannot be read")?;
        if !values.is_empty() {
            let values = literal(Value::object(values.clone()));
            text = ask("templatefile", vec![file(), values], "cannot be filled in with its `values`")?;
        }
        if !text.is_wholly_known() {
            return Ok(None);
        }
        let text = crate::convert(&text, &Type::String).map_or(text, |text| text);
        let Some(plain) = text.as_str() else { return Ok(Some(Vec::new())) }; // impossible: both functions give text
        let documents = functions::yaml_documents(plain).map_err(|problem| {
            let found = if text.is_sensitive() {
                "it holds a secret, so its text is not shown".to_owned()
            } else {
                problem.message
            };
            let message = format!("{path} cannot be read as Kubernetes objects");
            vec![Diagnostic::error(codes::FUNCTION_FAILED, message).at(span, found)]
        })?;
        Ok(Some(documents.into_iter().map(|document| document.marked_as(&text)).collect()))
    }
}

//! `count` and `for_each`: which copies of a block there are.

use lazuli_core::address::Key;
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Type, Value};

use crate::codes;
use crate::convert;
use crate::evaluator::Instances;
use crate::externals::Instance;
use crate::meta::Repetition;
use crate::scope::{Failed, Outcome, Scope};
use crate::syntax::Attribute;

impl Scope<'_> {
    /// The copies that a block's meta-arguments ask for.
    pub(crate) fn copies(&mut self, repetition: Option<&Repetition>) -> Result<Instances, Failed> {
        match repetition {
            None => Ok(Instances::Single),
            Some(Repetition::Count(attribute)) => self.count(attribute).map(Instances::Keyed),
            Some(Repetition::ForEach(attribute)) => self.for_each_keys(attribute).map(Instances::Keyed),
        }
    }

    fn repetition_value(&mut self, attribute: &Attribute) -> Outcome {
        let name = &attribute.name.text;
        let value = self.eval(&attribute.value)?;
        if value.is_null() {
            let diagnostic = Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is null"));
            return self.fail(diagnostic.at(attribute.value.span, ""));
        }
        if value.is_sensitive() {
            let diagnostic = Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is sensitive"));
            return self.fail(
                diagnostic
                    .at(attribute.value.span, "the keys of instances are shown in addresses")
                    .help("use nonsensitive() if it may be shown"),
            );
        }
        if let Content::Unknown(unknown) = value.content() {
            let mut diagnostic =
                Diagnostic::error(codes::BAD_REPETITION, format!("`{name}` is not known while planning"))
                    .at(attribute.value.span, "must be known to say what will be there");
            if let Some(source) = &unknown.source {
                let after = if source.path.steps().is_empty() { "" } else { "." };
                diagnostic = diagnostic.note(format!("known after {}{after}{}", source.address, source.path));
            }
            return self.fail(diagnostic);
        }
        Ok(value)
    }

    fn count(&mut self, attribute: &Attribute) -> Result<Vec<Instance>, Failed> {
        const MOST: i64 = 1_000_000;
        let value = self.repetition_value(attribute)?;
        let span = attribute.value.span;
        let number = self.converted(&value, &Type::Number, codes::BAD_REPETITION, "`count`", span)?;
        match number.as_i64() {
            Some(count @ 0..=MOST) => Ok((0u64..)
                .zip(0..count)
                .map(|(key, i)| Instance { key: Key::Index(key), value: Value::int(i) })
                .collect()),
            _ => self.fail(
                Diagnostic::error(codes::BAD_REPETITION, "`count` is not a usable number")
                    .at(span, format!("expected a whole number from 0 to {MOST}")),
            ),
        }
    }

    fn for_each_keys(&mut self, attribute: &Attribute) -> Result<Vec<Instance>, Failed> {
        let value = self.repetition_value(attribute)?;
        let span = attribute.value.span;
        let wrong = |label: String| {
            Diagnostic::error(codes::BAD_REPETITION, "`for_each` cannot use this value")
                .at(span, label)
                .help("a map or an object, or a set of strings: toset([…])")
        };
        match value.content() {
            Content::Map(_, entries) | Content::Object(entries) => Ok(entries
                .iter()
                .map(|(name, value)| Instance { key: Key::Name(name.to_string()), value: value.clone() })
                .collect()),
            Content::Set(_, items) => {
                let mut instances = Vec::with_capacity(items.len());
                for item in items.iter() {
                    match item.content() {
                        Content::String(name) => {
                            instances.push(Instance { key: Key::Name(name.to_string()), value: item.clone() })
                        }
                        Content::Unknown(_) => {
                            return self
                                .fail(wrong("an element of the set is not known while planning".into()));
                        }
                        _ => {
                            let what = convert::describe_value(item);
                            return self.fail(wrong(format!("the set holds {what}, expected strings")));
                        }
                    }
                }
                Ok(instances)
            }
            _ => {
                let label = format!("found {}", convert::describe_value(&value));
                self.fail(wrong(label))
            }
        }
    }
}

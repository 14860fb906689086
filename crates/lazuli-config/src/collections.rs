//! Object expressions and `for` expressions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Entries, Span, Type, Value};

use crate::codes;
use crate::convert::{convert, describe_value};
use crate::scope::{Failed, Outcome, Scope, unknown};
use crate::set_order::uncounted;
use crate::syntax::{Expr, For, Item};

impl Scope<'_> {
    pub(crate) fn object(&mut self, items: &[Item]) -> Outcome {
        let mut entries = Vec::with_capacity(items.len());
        let mut failed = false;
        let mut sensitive = false;
        let mut unknown_key = None;
        for item in items {
            let key = self.eval(&item.key).and_then(|key| self.key(key, item.key.span));
            let value = self.eval(&item.value);
            let (Ok(key), Ok(value)) = (key, value) else {
                failed = true;
                continue;
            };
            sensitive |= key.is_sensitive();
            match key.content() {
                Content::String(name) => {
                    entries.push((name.clone(), value));
                }
                _ => {
                    sensitive |= value.contains_sensitive();
                    unknown_key = Some(key);
                }
            }
        }
        if failed {
            return Err(Failed);
        }
        let entries: Entries = entries.into_iter().collect();
        if let Some(key) = unknown_key {
            let sensitive = sensitive || entries.values().any(Value::contains_sensitive);
            return Ok(unknown(Type::Any, true, &[&key]).with_sensitivity(sensitive));
        }
        Ok(Value::new(Content::Object(Arc::new(entries))).with_sensitivity(sensitive))
    }

    /// A value as the key of an element.
    fn key(&mut self, key: Value, span: Span) -> Outcome {
        if key.is_null() {
            let diagnostic = Diagnostic::error(codes::BAD_KEY, "the key of an element is null");
            return self.fail(diagnostic.at(span, "expected a string"));
        }
        convert(&key, &Type::String).or_else(|mismatch| {
            let diagnostic = Diagnostic::error(codes::BAD_KEY, "the key of an element has the wrong type");
            self.fail(diagnostic.at(span, mismatch.to_string()))
        })
    }

    /// The elements of a collection with their keys; `None` when it is unknown.
    pub(crate) fn walk(
        &mut self,
        collection: &Value,
        span: Span,
    ) -> Result<Option<Vec<(Value, Value)>>, Failed> {
        let pairs = match collection.content() {
            Content::Unknown(unknown) if !matches!(unknown.ty, Type::Bool | Type::Number | Type::String) => {
                self.doubts += 1; // of what is done with the elements
                return Ok(None);
            }
            // Elements may turn out to be the same, and stand in another order.
            Content::Set(..) if uncounted(collection) => {
                self.doubts += 1;
                return Ok(None);
            }
            Content::List(_, items) | Content::Tuple(items) => {
                let index = |i: usize| Value::int(i64::try_from(i).unwrap_or(i64::MAX));
                items.iter().enumerate().map(|(i, item)| (index(i), item.clone())).collect()
            }
            Content::Set(_, items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
            Content::Map(_, entries) | Content::Object(entries) => {
                entries.iter().map(|(name, item)| (Value::string(name.clone()), item.clone())).collect()
            }
            Content::Null(_) => {
                let diagnostic = Diagnostic::error(codes::NULL_VALUE, "null cannot be walked over");
                return self.fail(diagnostic.at(span, "expected a list, a map or the like"));
            }
            _ => {
                let what = describe_value(collection);
                let diagnostic = Diagnostic::error(codes::BAD_FOR, format!("{what} cannot be walked over"));
                return self.fail(diagnostic.at(span, "expected a list, a map or the like"));
            }
        };
        Ok(Some(pairs))
    }

    pub(crate) fn bind(
        &mut self,
        key_name: Option<&Arc<str>>,
        value_name: &Arc<str>,
        key: Value,
        value: Value,
    ) {
        if let Some(name) = key_name {
            self.bindings.push((name.clone(), key));
        }
        self.bindings.push((value_name.clone(), value));
    }

    pub(crate) fn for_each(&mut self, each: &For, span: Span) -> Outcome {
        let collection = self.eval(&each.collection)?;
        let Some(pairs) = self.walk(&collection, each.collection.span)? else {
            return Ok(unknown(Type::Any, true, &[&collection]).marked_as(&collection));
        };
        let mut result = Gathered { sensitive: collection.is_sensitive(), ..Gathered::default() };
        let depth = self.bindings.len();
        for (key, value) in pairs {
            let before = self.diagnostics.len();
            self.bind(each.key_name.as_ref(), &each.value_name, key, value);
            let outcome = self.element(each, &mut result);
            self.bindings.truncate(depth);
            if outcome.is_err() {
                self.hide_of(&collection, before);
                return Err(Failed); // the next element would fail likewise
            }
        }
        if let Some(cause) = result.unknown {
            return Ok(unknown(Type::Any, true, &[&cause]).with_sensitivity(result.sensitive));
        }
        let value = match (each.key.is_some(), each.grouped) {
            (false, _) => Value::tuple(result.items),
            (true, false) => Value::object(result.entries),
            (true, true) => {
                Value::object(result.groups.into_iter().map(|(k, items)| (k, Value::tuple(items))))
            }
        };
        self.bounded(value.with_sensitivity(result.sensitive), span)
    }

    fn element(&mut self, each: &For, result: &mut Gathered) -> Result<(), Failed> {
        if let Some(condition) = &each.condition {
            let truth = self.eval_as(condition, &Type::Bool, codes::BAD_FOR, "the condition")?;
            result.sensitive |= truth.is_sensitive();
            match truth.as_bool() {
                Some(true) => {}
                Some(false) => return Ok(()),
                None => {
                    self.doubts += 1;
                    result.unknown.get_or_insert(truth);
                    return Ok(());
                }
            }
        }
        let Some(key_expr) = &each.key else {
            let value = self.eval(&each.value)?;
            result.items.push(value);
            return Ok(());
        };
        let key = self.eval(key_expr);
        let value = self.eval(&each.value);
        let key = self.key(key?, key_expr.span)?;
        let value = value?;
        result.sensitive |= key.is_sensitive();
        let Content::String(name) = key.content() else {
            result.sensitive |= value.contains_sensitive();
            result.unknown.get_or_insert(key);
            return Ok(());
        };
        if each.grouped {
            result.groups.entry(name.clone()).or_default().push(value);
            return Ok(());
        }
        match result.entries.entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(value);
                Ok(())
            }
            Entry::Occupied(_) => self.fail(key_twice(name, key_expr, result.sensitive)),
        }
    }
}

/// What a `for` has made so far.
#[derive(Default)]
struct Gathered {
    items: Vec<Value>,
    entries: BTreeMap<Arc<str>, Value>,
    groups: BTreeMap<Arc<str>, Vec<Value>>,
    sensitive: bool,
    /// A key or condition that is unknown, and with it the whole result.
    unknown: Option<Value>,
}

fn key_twice(name: &str, expr: &Expr, sensitive: bool) -> Diagnostic {
    let shown = if sensitive { String::new() } else { format!(" {name:?}") };
    Diagnostic::error(codes::BAD_FOR, format!("two elements have the same key{shown}"))
        .at(expr.span, "keys must differ")
        .help("to gather the values of one key, put `...` after the value")
}

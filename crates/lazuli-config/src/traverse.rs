//! Names and the ways into values: `var.a`, `resource.logs.id`, `xs[0]`, `xs[*].name`.

use std::sync::Arc;

use lazuli_core::address::Key;
use lazuli_core::path::PathStep;
use lazuli_core::suggestion::closest;
use lazuli_core::value::{Content, Source};
use lazuli_core::{Diagnostic, Span, Type, Unknown, Value};

use crate::codes;
use crate::convert::{self, convert, derived};
use crate::externals::{Root, Unavailable};
use crate::graph::Named;
use crate::module::DeclarationKind;
use crate::names;
use crate::scope::{Failed, Outcome, Scope, unknown};
use crate::set_order::uncounted;
use crate::syntax::{ExprKind, Name, Step, StepKind, Traversal};

impl Scope<'_> {
    fn bound(&self, name: &str) -> Option<&Value> {
        self.bindings.iter().rev().find(|(bound, _)| &**bound == name).map(|(_, value)| value)
    }

    /// A name alone.
    pub(crate) fn bare(&mut self, name: &Arc<str>, span: Span) -> Outcome {
        if let Some(value) = self.bound(name) {
            return Ok(value.clone());
        }
        if &**name == "self"
            && let Some(this) = self.this
        {
            return Ok(this.clone());
        }
        let bound: Vec<Arc<str>> = self.bindings.iter().map(|(name, _)| name.clone()).collect();
        self.fail(names::unknown_name(name, span, &bound))
    }

    pub(crate) fn traversal(&mut self, traversal: &Traversal) -> Outcome {
        let (value, rest) = match &traversal.base.kind {
            ExprKind::Variable(word) if self.bound(word).is_none() => {
                match self.one(word, &traversal.steps)? {
                    Some(found) => found,
                    None => self.root(word, traversal.base.span, &traversal.steps)?,
                }
            }
            _ => (self.eval(&traversal.base)?, traversal.steps.as_slice()),
        };
        self.steps(value, rest)
    }

    /// What `word.name` means, and the steps after it.
    pub(crate) fn root<'s>(
        &mut self,
        word: &Arc<str>,
        span: Span,
        steps: &'s [Step],
    ) -> Result<(Value, &'s [Step]), Failed> {
        if &**word == "self" && self.this.is_some() {
            return self.bare(word, span).map(|value| (value, steps));
        }
        let Some((first, rest)) = steps.split_first() else { return Err(Failed) }; // impossible: never empty
        let StepKind::Attribute(name) = &first.kind else {
            if names::ROOTS.contains(&&**word) {
                return self.fail(
                    Diagnostic::error(codes::UNDECLARED, format!("`{word}` needs a name"))
                        .at(first.span, format!("expected a name: {word}.NAME")),
                );
            }
            let value = self.bare(word, span)?;
            return Ok((value, steps));
        };
        let name = Name { text: name.clone(), span: first.span };
        let value = match &**word {
            "var" => self.variable(&name),
            "local" => self.local(&name),
            "each" | "count" => self.repetition(word, &name),
            "path" => match &*name.text {
                "module" | "root" | "cwd" => Ok(self.evaluator.path(&name.text)),
                _ => self.fail(names::undeclared("path", &name, ["module", "root", "cwd"].into_iter())),
            },
            "module" => return self.module(&name, rest),
            other => match DeclarationKind::from_word(other) {
                Some(kind) => self.external(kind, &name),
                None => {
                    let value = self.bare(word, span)?;
                    return Ok((value, steps));
                }
            },
        }?;
        Ok((value, rest))
    }

    fn variable(&mut self, name: &Name) -> Outcome {
        let module = self.evaluator.module();
        let Some(i) = module.variables.position(&name.text) else {
            let names = module.variables.iter().map(|v| &*v.name.text);
            return self.fail(names::undeclared("var", name, names));
        };
        let unit = self.evaluator.unit.clone();
        self.named(&unit, Named::Variable(i))
    }

    fn local(&mut self, name: &Name) -> Outcome {
        let module = self.evaluator.module();
        let Some(i) = module.locals.position(&name.text) else {
            let names = module.locals.iter().map(|l| &*l.name.text);
            return self.fail(names::undeclared("local", name, names));
        };
        let unit = self.evaluator.unit.clone();
        self.named(&unit, Named::Local(i))
    }

    fn repetition(&mut self, word: &str, name: &Name) -> Outcome {
        let value = match (word, &*name.text, self.instance) {
            ("count", "index", Some(Instance { key: Key::Index(_), value })) => value.clone(),
            ("each", "key", Some(Instance { key: Key::Name(key), .. })) => Value::from(key.as_str()),
            ("each", "value", Some(Instance { key: Key::Name(_), value })) => value.clone(),
            ("count", "index", _) | ("each", "key" | "value", _) => {
                return self.fail(names::no_instance(word, name.span));
            }
            ("count", ..) => return self.fail(names::undeclared("count", name, ["index"].into_iter())),
            _ => return self.fail(names::undeclared("each", name, ["key", "value"].into_iter())),
        };
        Ok(value)
    }

    fn external(&mut self, kind: DeclarationKind, name: &Name) -> Outcome {
        let declared = self.evaluator.module().declarations(kind);
        if declared.get(&name.text).is_none() {
            let names = declared.iter().map(|d| &*d.name.text);
            return self.fail(names::undeclared(kind.word(), name, names));
        }
        if matches!(kind, DeclarationKind::CloudAccount | DeclarationKind::ClusterProfile) {
            return Ok(reference_value(kind, &self.evaluator.qualified(kind, &name.text)));
        }
        let module = self.evaluator.unit.address.clone();
        let root = Root { module, kind, name: name.text.clone() };
        match self.externals.value(&root) {
            Ok(value) => Ok(value),
            Err(Unavailable::Reported) => Err(Failed),
            Err(Unavailable::Because(diagnostic)) => {
                let diagnostic = *diagnostic;
                self.fail(match diagnostic.primary {
                    Some(_) => diagnostic,
                    None => diagnostic.at(name.span, ""),
                })
            }
        }
    }

    /// Goes the steps from a value.
    pub(crate) fn steps(&mut self, value: Value, steps: &[Step]) -> Outcome {
        let mut here = value;
        for step in steps {
            here = match &step.kind {
                StepKind::Attribute(name) => self.attribute(&here, name, step.span)?,
                StepKind::Index(index) => {
                    let key = self.eval(index)?;
                    self.index(&here, &key, index.span)?
                }
                StepKind::Splat(inner) => self.splat(&here, inner, step.span)?,
            };
        }
        Ok(here)
    }

    /// `value.name`
    pub(crate) fn attribute(&mut self, value: &Value, name: &Arc<str>, span: Span) -> Outcome {
        let found = match value.content() {
            Content::Object(entries) | Content::Map(_, entries) => match entries.get(name) {
                Some(found) => found.clone(),
                None => {
                    let keys: Vec<&str> = if value.is_sensitive() {
                        Vec::new()
                    } else {
                        entries.keys().map(|k| &**k).collect()
                    };
                    return self.fail(no_attribute(name, span, &keys));
                }
            },
            Content::Unknown(u) => match unknown_at(u, PathStep::Name(name.clone())) {
                Some(found) => {
                    self.doubts += u32::from(!u.not_null || !matches!(u.ty, Type::Object(_)));
                    found
                }
                None => {
                    let what = convert::describe(&u.ty);
                    return self.fail(no_attributes(&what, name, span));
                }
            },
            Content::Null(_) => {
                return self.fail(
                    Diagnostic::error(codes::NULL_VALUE, format!("null has no attribute `{name}`"))
                        .at(span, "what this is taken from is null"),
                );
            }
            _ => return self.fail(no_attributes(&convert::describe_value(value), name, span)),
        };
        Ok(found.marked_as(value))
    }

    /// `value[key]`
    pub(crate) fn index(&mut self, value: &Value, key: &Value, span: Span) -> Outcome {
        if value.is_null() || key.is_null() {
            let message = if key.is_null() { "an index is null" } else { "null has no elements" };
            return self.fail(Diagnostic::error(codes::NULL_VALUE, message).at(span, ""));
        }
        self.doubts += u32::from(value.is_unknown() || key.is_unknown());
        let found = match value.content() {
            Content::List(_, items) | Content::Tuple(items) => {
                let index = self.index_key(key, &Type::Number, span)?;
                match index.as_number() {
                    None => {
                        let ty = match value.content() {
                            Content::List(ty, _) => ty.clone(),
                            _ => Type::Any,
                        };
                        unknown(ty, false, &[key])
                    }
                    Some(number) => {
                        let position = number.as_i64().and_then(|i| usize::try_from(i).ok());
                        match position.and_then(|i| items.get(i)) {
                            Some(found) => found.clone(),
                            None => {
                                let label = match items.len() {
                                    0 => "it has no elements".to_owned(),
                                    n => format!("it has {n} elements, 0 to {}", n - 1),
                                };
                                let which =
                                    if key.is_sensitive() { "the index".into() } else { number.to_string() };
                                let message = format!("{which} is not the index of an element");
                                return self
                                    .fail(Diagnostic::error(codes::BAD_INDEX, message).at(span, label));
                            }
                        }
                    }
                }
            }
            Content::Object(entries) | Content::Map(_, entries) => {
                let name = self.index_key(key, &Type::String, span)?;
                match name.as_str() {
                    None => {
                        let ty = match value.content() {
                            Content::Map(ty, _) => ty.clone(),
                            _ => Type::Any,
                        };
                        unknown(ty, false, &[key])
                    }
                    Some(text) => match entries.get(text) {
                        Some(found) => found.clone(),
                        None => {
                            let hidden = key.is_sensitive() || value.is_sensitive();
                            let keys: Vec<&str> =
                                if hidden { Vec::new() } else { entries.keys().map(|k| &**k).collect() };
                            let shown = if key.is_sensitive() { "(sensitive)" } else { text };
                            return self.fail(no_key(shown, span, &keys));
                        }
                    },
                }
            }
            Content::Unknown(u) => self.index_unknown(value, u, key, span)?,
            _ => return self.fail(not_indexed(&convert::describe_value(value), span)),
        };
        Ok(found.marked_as(value).marked_as(key))
    }

    /// `value[key]` of something unknown: its type says whether the key can be right.
    fn index_unknown(&mut self, value: &Value, u: &Unknown, key: &Value, span: Span) -> Outcome {
        let wanted = match &u.ty {
            Type::Any => key.type_of(),
            Type::List(_) | Type::Tuple(_) => Type::Number,
            Type::Map(_) | Type::Object(_) => Type::String,
            _ => return self.fail(not_indexed(&convert::describe(&u.ty), span)),
        };
        let key = self.index_key(key, &wanted, span)?;
        let step = match (key.as_number(), key.as_str()) {
            (Some(number), _) => match number.as_i64().and_then(|i| usize::try_from(i).ok()) {
                Some(i) => Some(PathStep::Index(i)),
                None => {
                    let message = format!("{number} is not the index of an element");
                    let label = "expected a whole number from 0";
                    return self.fail(Diagnostic::error(codes::BAD_INDEX, message).at(span, label));
                }
            },
            (None, Some(name)) => Some(PathStep::Name(Arc::from(name))),
            _ => None,
        };
        match step {
            Some(step) => match unknown_at(u, step) {
                Some(found) => Ok(found),
                None => self.fail(not_indexed(&convert::describe(&u.ty), span)),
            },
            None => {
                let ty = match &u.ty {
                    Type::List(element) | Type::Map(element) => (**element).clone(),
                    _ => Type::Any,
                };
                Ok(unknown(ty, false, &[value, &key]))
            }
        }
    }

    fn index_key(&mut self, key: &Value, ty: &Type, span: Span) -> Outcome {
        convert(key, ty).or_else(|mismatch| {
            let diagnostic = Diagnostic::error(codes::BAD_INDEX, "an index has the wrong type");
            self.fail(diagnostic.at(span, mismatch.to_string()))
        })
    }

    /// `value[*].inner`
    fn splat(&mut self, value: &Value, inner: &[Step], span: Span) -> Outcome {
        let ty = value.type_of();
        let element = match &ty {
            Type::List(element) | Type::Set(element) => Some(element.clone()),
            _ => None,
        };
        let items = match value.content() {
            Content::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                let diagnostic = Diagnostic::error(codes::NULL_VALUE, "null has no elements");
                return self.fail(diagnostic.at(span, "what this is taken from is null"));
            }
            Content::Null(_) => return Ok(Value::tuple([]).marked_as(value)),
            Content::Unknown(u) => match (&u.ty, &element) {
                (_, Some(element)) => {
                    let ty = self.type_inside(element, inner)?;
                    let list = Type::List(Arc::new(ty));
                    return Ok(unknown(list, true, &[value]).marked_as(value));
                }
                // Neither list nor null: it is taken as a list of itself.
                (ty, None) if u.not_null && !matches!(ty, Type::Any | Type::Tuple(_)) => {
                    Arc::new(vec![value.clone().with_sensitivity(false)])
                }
                _ => {
                    if !matches!(u.ty, Type::Any | Type::Tuple(_))
                        && self.steps(value.clone(), inner).is_err()
                    {
                        self.hasty += 1; // null has no elements to make a mistake with
                        return Err(Failed);
                    }
                    return Ok(unknown(Type::Any, false, &[value]).marked_as(value));
                }
            },
            Content::Set(..) if uncounted(value) => {
                let ty = self.type_inside(element.as_deref().unwrap_or(&Type::Any), inner)?;
                return Ok(unknown(Type::List(Arc::new(ty)), true, &[value]).marked_as(value));
            }
            Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => items.clone(),
            _ => Arc::new(vec![value.clone().with_sensitivity(false)]),
        };
        self.spend(items.len() as u64, span)?;
        let mut results = Vec::with_capacity(items.len());
        for item in items.iter() {
            let before = self.diagnostics.len();
            results.push(self.steps(item.clone(), inner).inspect_err(|Failed| self.hide_of(value, before))?);
        }
        let first = results.first().map(Value::type_of);
        let content = match (element, first) {
            (Some(element), None) => Content::List(self.type_inside(&element, inner)?, Arc::new(results)),
            (Some(_), Some(ty)) if results.iter().all(|r| r.type_of() == ty) => {
                Content::List(ty, Arc::new(results))
            }
            _ => Content::Tuple(Arc::new(results)),
        };
        Ok(Value::new(content).marked_as(value))
    }

    /// The type of what the steps lead to from any value of a type.
    fn type_inside(&mut self, ty: &Type, steps: &[Step]) -> Result<Type, Failed> {
        self.steps(Value::unknown_of(ty.clone()), steps).map(|found| found.type_of())
    }
}

use crate::externals::Instance;

/// What `cloud_account.main` evaluates to: an object that names the block.
pub(crate) fn reference_value(kind: DeclarationKind, name: &Arc<str>) -> Value {
    Value::object([("kind", Value::from(kind.word())), ("name", Value::string(name.clone()))])
}

/// What lies one step inside of something unknown; `None` when its type says that nothing does.
fn unknown_at(unknown: &Unknown, step: PathStep) -> Option<Value> {
    if let PathStep::Name(name) = &step
        && let Some(member) = unknown.members.get(name)
    {
        return Some(member.clone());
    }
    let ty = match (&unknown.ty, &step) {
        (Type::Any, _) => Type::Any,
        (Type::Object(fields), PathStep::Name(name)) => fields.get(name)?.ty.clone(),
        (Type::Map(element), _) | (Type::List(element), PathStep::Index(_)) => (**element).clone(),
        (Type::Tuple(elements), PathStep::Index(i)) => elements.get(*i)?.clone(),
        _ => return None,
    };
    let source = match &unknown.source {
        Some(source) if source.exact => Some(Source { path: source.path.then(step), ..source.clone() }),
        other => derived(other.as_ref()),
    };
    Some(Value::unknown(Unknown { source, ..Unknown::of(ty) }))
}

/// Some names for people, not too many.
pub(crate) fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

fn no_attribute(name: &str, span: Span, keys: &[&str]) -> Diagnostic {
    let label = match closest(name, keys.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => String::new(),
    };
    let diagnostic =
        Diagnostic::error(codes::NO_ATTRIBUTE, format!("there is no attribute `{name}`")).at(span, label);
    if keys.is_empty() { diagnostic } else { diagnostic.help(format!("attributes: {}", some_of(keys))) }
}

fn no_key(name: &str, span: Span, keys: &[&str]) -> Diagnostic {
    let label = match closest(name, keys.iter().copied()) {
        Some(close) => format!("did you mean \"{close}\"?"),
        None => String::new(),
    };
    let diagnostic =
        Diagnostic::error(codes::BAD_INDEX, format!("there is no element with the key {name:?}"))
            .at(span, label);
    if keys.is_empty() { diagnostic } else { diagnostic.help(format!("keys: {}", some_of(keys))) }
}

fn no_attributes(what: &str, name: &str, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::error(codes::NO_ATTRIBUTE, format!("there is no attribute `{name}`"))
        .at(span, format!("{what} has none"));
    if what.starts_with("a list") || what.starts_with("a tuple") || what.starts_with("a set") {
        return diagnostic.help(format!("choose an element with [0], or take it of all of them: [*].{name}"));
    }
    diagnostic
}

fn not_indexed(what: &str, span: Span) -> Diagnostic {
    let diagnostic =
        Diagnostic::error(codes::BAD_INDEX, format!("{what} has no elements to choose by index"));
    if what.starts_with("a set") {
        return diagnostic.at(span, "").help("a set has no order: make it a list with tolist() or sort()");
    }
    diagnostic.at(span, "")
}

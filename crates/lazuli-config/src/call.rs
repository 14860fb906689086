//! Function calls: arguments evaluated and converted, unknown and sensitive ones handled, `try` and `can`.

use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Span, Type, Value};

use crate::codes;
use crate::convert::{self, convert, unmark};
use crate::functions::{self, Body, Function, Known, Marks, Parameter, Place, Problem};
use crate::limits;
use crate::scope::{Failed, Outcome, Scope, unknown};
use crate::set_order::uncounted;
use crate::syntax::{Call, Expr};
use crate::template_functions::is_reference;

/// Mistakes that `try` and `can` do not forgive: they are there whatever the values are.
const STATIC: [&str; 3] = [codes::UNDECLARED, codes::UNKNOWN_NAME, codes::EVALUATION_LIMIT];

impl Scope<'_> {
    pub(crate) fn call(&mut self, call: &Call, span: Span) -> Outcome {
        let Some(function) = functions::find(&call.name.text) else {
            return self.fail(functions::unknown(&call.name));
        };
        match function.body {
            Body::Try => self.try_each(call),
            Body::Can => self.can(call),
            _ => match self.arguments(call)? {
                Ok(arguments) => self.apply(function, call, &arguments, span),
                Err(unknown) => Ok(unknown),
            },
        }
    }

    /// The arguments' values, the last one expanded if so written, each with its place; an unknown value in place of
    /// all of them when not even their number is known.
    fn arguments(&mut self, call: &Call) -> Result<Result<Vec<(Value, Span)>, Value>, Failed> {
        let mut values = Vec::with_capacity(call.arguments.len());
        let mut failed = false;
        let mut unknown_number = None;
        for (i, argument) in call.arguments.iter().enumerate() {
            match self.eval(argument) {
                Err(Failed) => failed = true,
                Ok(value) if call.expand_last && i + 1 == call.arguments.len() => match value.content() {
                    Content::Set(..) if uncounted(&value) => unknown_number = Some(value),
                    Content::List(_, items) | Content::Set(_, items) | Content::Tuple(items) => {
                        values
                            .extend(items.iter().map(|item| (item.clone().marked_as(&value), argument.span)));
                    }
                    Content::Unknown(unknown) if may_be_sequence(&unknown.ty) => unknown_number = Some(value),
                    _ => {
                        let what = convert::describe_value(&value);
                        let diagnostic =
                            Diagnostic::error(codes::WRONG_ARGUMENTS, format!("{what} cannot be expanded"));
                        return self.fail(diagnostic.at(argument.span, "`...` needs a list, set or tuple"));
                    }
                },
                Ok(value) => values.push((value, argument.span)),
            }
        }
        if failed {
            return Err(Failed);
        }
        match unknown_number {
            None => Ok(Ok(values)),
            Some(value) => {
                let sensitive =
                    values.iter().any(|(v, _)| v.contains_sensitive()) || value.contains_sensitive();
                Ok(Err(unknown(Type::Any, false, &[&value]).with_sensitivity(sensitive)))
            }
        }
    }

    fn apply(
        &mut self,
        function: &'static Function,
        call: &Call,
        given: &[(Value, Span)],
        span: Span,
    ) -> Outcome {
        let most = if function.rest.is_some() { usize::MAX } else { function.parameters.len() };
        if given.len() < function.parameters.len() - function.optional || given.len() > most {
            return self.fail(
                Diagnostic::error(
                    codes::WRONG_ARGUMENTS,
                    format!("`{}` is called with {} arguments", function.name, given.len()),
                )
                .at(call.name.span, format!("expected {}", function.signature())),
            );
        }
        let mut values = Vec::with_capacity(given.len());
        let mut sensitive = false;
        let mut some_unknown = false;
        let mut failed = false;
        for (i, (value, place)) in given.iter().enumerate() {
            let Some(parameter) = function.parameter(i) else { continue };
            match self.argument(function, parameter, value, *place) {
                Ok(value) => {
                    sensitive |= match function.marks {
                        Marks::Whole => value.contains_sensitive(),
                        Marks::Parts => value.is_sensitive(),
                        Marks::Own => false,
                    };
                    some_unknown |= match function.known {
                        Known::Wholly => !value.is_wholly_known(),
                        Known::Itself => value.is_unknown(),
                        Known::Nothing => false,
                    };
                    values.push(match function.marks {
                        Marks::Whole => unmark(&value),
                        Marks::Parts => value.with_sensitivity(false),
                        Marks::Own => value,
                    });
                }
                Err(Failed) => failed = true,
            }
        }
        if failed {
            return Err(Failed);
        }
        self.spend(values.iter().map(limits::work_of_argument).sum(), span)?;
        if let (Body::TemplateString, Some(first)) = (function.body, call.arguments.first())
            && !is_reference(first)
            && values.get(1).is_some_and(|vars| !vars.is_unknown())
        {
            let message = "the template of `templatestring` is not a reference";
            let diagnostic = Diagnostic::error(codes::FUNCTION_FAILED, message)
                .at(first.span, "expected a reference to text, such as local.greeting");
            return self.fail(
                diagnostic.help("text that is at hand is a template by itself: \"Hello, ${var.name}\""),
            );
        }
        if given.iter().enumerate().any(|(i, (value, _))| function.may_refuse(i, value)) {
            self.doubts += 1;
        }
        // Marks of parts that stay visible in a known result would be lost in an unknown one.
        let sensitive = sensitive || some_unknown && given.iter().any(|(v, _)| v.contains_sensitive());
        let result = match function.body {
            _ if some_unknown => function.result(&values).map(|ty| {
                let from: Vec<&Value> = values.iter().collect();
                unknown(ty, !function.may_be_null, &from)
            }),
            Body::Values(body) => body(&values),
            Body::Files(body) => body(&values, self.evaluator.files()),
            Body::TemplateFile => match functions::files::template(&values, self.evaluator.files()) {
                Ok((name, template)) => {
                    return self.render(function, &name, &template, given, &values).map(|value| {
                        let sensitive = sensitive || value.is_sensitive();
                        value.with_sensitivity(sensitive)
                    });
                }
                Err(problem) => Err(problem),
            },
            Body::TemplateString => match values.first().and_then(Value::as_str) {
                Some(template) => {
                    let name = "the template";
                    let value = self.render(function, name, template, given, &values)?;
                    match convert(&value, &Type::String) {
                        Ok(value) => return Ok(value.with_sensitivity(sensitive)),
                        Err(mismatch) => Err(Problem::new(format!("the result is not text: {mismatch}"))),
                    }
                }
                None => {
                    let found = values.first().map_or_else(String::new, convert::describe_value);
                    Err(Problem::at(0, format!("expected a string, found {found}")))
                }
            },
            Body::Momentary { check, body } => match (check(&values), self.evaluator.files().apply()) {
                (Err(problem), _) => Err(problem),
                (Ok(()), Some(moment)) => body(&values, &moment, &self.place_of(function, span)),
                (Ok(()), None) => function.result(&values).map(|ty| unknown(ty, true, &[])),
            },
            Body::Try | Body::Can => Err(Problem::new("cannot be called so")), // impossible: handled above
        };
        match result {
            Ok(value) => self.sized(value, span).map(|value| {
                let sensitive = sensitive || value.is_sensitive();
                value.with_sensitivity(sensitive)
            }),
            Err(problem) => {
                let place = problem.argument.and_then(|i| given.get(i)).map_or(span, |(_, place)| *place);
                let hidden = given.iter().any(|(value, _)| value.contains_sensitive());
                let parameter = problem.argument.and_then(|i| function.parameter(i));
                let label = match parameter {
                    _ if hidden => "(the reason is not shown: an argument is sensitive)".to_owned(),
                    Some(parameter) => format!("`{}`: {}", parameter.name, problem.message),
                    None => problem.message,
                };
                let message = format!("`{}` cannot work with this", function.name);
                self.fail(Diagnostic::error(codes::FUNCTION_FAILED, message).at(place, label))
            }
        }
    }

    /// What tells this call from every other one in an apply: two copies of a module write the same call.
    fn place_of(&mut self, function: &Function, span: Span) -> Place {
        let times = self.momentary.entry(span).or_insert(0);
        *times += 1;
        let copy = self.instance.map_or_else(String::new, |instance| format!("{:?}", instance.key));
        let module = self.evaluator.address().map(ToString::to_string);
        let place = (function.name, span.file.0, span.start, *times, copy, module);
        Place { bytes: format!("{place:?}").into_bytes() }
    }

    fn sized(&mut self, value: Value, span: Span) -> Outcome {
        if value.as_str().is_some_and(|text| text.len() > limits::STRING) {
            let message = format!("a string is longer than {} MiB", limits::STRING >> 20);
            return self
                .fail(Diagnostic::error(codes::EVALUATION_LIMIT, message).at(span, "the result of this"));
        }
        self.spend(limits::work_of_result(&value), span)?;
        Ok(value)
    }

    fn argument(
        &mut self,
        function: &Function,
        parameter: &Parameter,
        value: &Value,
        place: Span,
    ) -> Outcome {
        if value.is_null() && !parameter.null {
            let message = format!("an argument of `{}` is null", function.name);
            return self.fail(
                Diagnostic::error(codes::NULL_VALUE, message)
                    .at(place, format!("`{}` must not be null", parameter.name)),
            );
        }
        convert(value, &parameter.kind.ty()).or_else(|mismatch| {
            let message = format!("an argument of `{}` has the wrong type", function.name);
            let label = format!("`{}`: {mismatch}", parameter.name);
            self.fail(Diagnostic::error(codes::FUNCTION_FAILED, message).at(place, label))
        })
    }

    /// Evaluates with mistakes kept apart.
    fn probe(&mut self, expr: &Expr) -> Result<Probe, Failed> {
        let (before, doubts, hasty) = (self.diagnostics.len(), self.doubts, self.hasty);
        self.quiet += 1;
        let outcome = self.eval(expr);
        self.quiet -= 1;
        if self.diagnostics[before..].iter().any(|d| STATIC.contains(&d.code)) {
            return Err(Failed);
        }
        let reported_before = outcome.is_err() && self.diagnostics.len() == before;
        self.diagnostics.truncate(before);
        match outcome {
            _ if reported_before => Err(Failed), // what it reads failed elsewhere: nobody can say what it would have been
            Ok(value) if self.doubts == doubts && value.is_wholly_known() => Ok(Probe::Works(value)),
            Ok(value) => Ok(Probe::Open(unproven(&value))),
            Err(Failed) if self.hasty > hasty => Ok(Probe::Open(Value::unknown_of(Type::Any))),
            Err(Failed) => Ok(Probe::Fails),
        }
    }

    fn try_each(&mut self, call: &Call) -> Outcome {
        if call.expand_last {
            return match self.arguments(call)? {
                Ok(arguments) => match arguments.into_iter().next() {
                    Some((value, _)) if value.is_wholly_known() => Ok(value),
                    Some((value, _)) => Ok(unproven(&value)),
                    None => self.nothing_works(call),
                },
                Err(unknown) => Ok(unknown),
            };
        }
        for argument in &call.arguments {
            match self.probe(argument)? {
                Probe::Works(value) | Probe::Open(value) => return Ok(value),
                Probe::Fails => {}
            }
        }
        self.nothing_works(call)
    }

    fn nothing_works(&mut self, call: &Call) -> Outcome {
        let diagnostic = Diagnostic::error(codes::FUNCTION_FAILED, "`try` has no alternative that works");
        let mut diagnostic = diagnostic.at(call.name.span, "every argument fails");
        if let Some(last) = call.arguments.last() {
            let before = self.diagnostics.len();
            let _ = self.eval(last);
            for reason in self.diagnostics.split_off(before).into_iter().take(1) {
                diagnostic = diagnostic.note(format!("the last: {}", reason.message));
            }
        }
        self.fail(diagnostic)
    }

    fn can(&mut self, call: &Call) -> Outcome {
        let (number, found) = if call.expand_last {
            match self.arguments(call)? {
                Ok(arguments) => {
                    let known = arguments.iter().all(|(value, _)| value.is_wholly_known());
                    let found = if known { Probe::Works(Value::null()) } else { Probe::Open(Value::null()) };
                    (arguments.len(), found)
                }
                Err(unknown) => return Ok(unknown),
            }
        } else {
            match call.arguments.as_slice() {
                [argument] => (1, self.probe(argument)?),
                several => (several.len(), Probe::Fails),
            }
        };
        if number != 1 {
            let message = format!("`can` is called with {number} arguments");
            let diagnostic = Diagnostic::error(codes::WRONG_ARGUMENTS, message);
            return self.fail(diagnostic.at(call.name.span, "expected can(expression)"));
        }
        Ok(match found {
            Probe::Works(_) => Value::from(true),
            Probe::Open(_) => Value::unknown_of(Type::Bool),
            Probe::Fails => Value::from(false),
        })
    }
}

fn may_be_sequence(ty: &Type) -> bool {
    matches!(ty, Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_))
}

/// What an expression that may fail comes to.
enum Probe {
    Works(Value),
    /// Whether it works is not known yet, nor what it is worth.
    Open(Value),
    Fails,
}

/// What `try` may say of a value now: it might still turn out to be a mistake.
fn unproven(value: &Value) -> Value {
    unknown(Type::Any, false, &[value]).with_sensitivity(value.contains_sensitive())
}

//! What a function of the language is: its name, parameters, body, and what it does with unknown and sensitive arguments.

use std::sync::Arc;

use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

use crate::externals::{Files, Moment};

/// What a parameter takes or a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    /// Text.
    String,
    /// A number.
    Number,
    /// A truth value.
    Bool,
    /// A list of text.
    Strings,
    /// A list of numbers.
    Numbers,
    /// A list of truth values.
    Bools,
    /// A list of anything of one type.
    List,
    /// A set of anything of one type.
    Set,
    /// A map of anything of one type.
    Map,
    /// A map of lists of text.
    StringLists,
}

impl Kind {
    /// The type.
    pub fn ty(self) -> Type {
        match self {
            Kind::Any => Type::Any,
            Kind::String => Type::String,
            Kind::Number => Type::Number,
            Kind::Bool => Type::Bool,
            Kind::Strings => Type::List(Arc::new(Type::String)),
            Kind::Numbers => Type::List(Arc::new(Type::Number)),
            Kind::Bools => Type::List(Arc::new(Type::Bool)),
            Kind::List => Type::List(Arc::new(Type::Any)),
            Kind::Set => Type::Set(Arc::new(Type::Any)),
            Kind::Map => Type::Map(Arc::new(Type::Any)),
            Kind::StringLists => Type::Map(Arc::new(Kind::Strings.ty())),
        }
    }
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name, for people.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// True when it may be null.
    pub null: bool,
}

/// What a function does with sensitive arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// A sensitive argument or part of one makes the whole result sensitive.
    Whole,
    /// A sensitive argument makes the whole result sensitive; sensitive parts keep their marks on the way through.
    Parts,
    /// The body sees the marks.
    Own,
}

/// What a function does with unknown arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// An unknown part anywhere makes the result unknown.
    Wholly,
    /// An unknown argument makes the result unknown; the body sees unknown parts.
    Itself,
    /// The body sees unknown arguments.
    Nothing,
}

/// The type of a result that is not known.
#[derive(Clone, Copy)]
pub(crate) enum ResultType {
    Kind(Kind),
    /// Found from the arguments, which may be of types that the function cannot work with.
    From(fn(&[Value]) -> Result<Type, Problem>),
}

/// How a function is carried out.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    Values(fn(&[Value]) -> Answer),
    Files(fn(&[Value], &dyn Files) -> Answer),
    /// Renders the file of the first argument.
    TemplateFile,
    /// Renders the text that the first argument refers to.
    TemplateString,
    /// Unknown while planning, something new in every apply.
    Momentary {
        /// What can be said against the arguments already while planning.
        check: fn(&[Value]) -> Result<(), Problem>,
        body: fn(&[Value], &Moment, &Place) -> Answer,
    },
    Try,
    Can,
}

/// Tells one call from every other of an apply.
pub(crate) struct Place {
    /// The function, where its call stands, the copy of the block, and how often it was called there before.
    pub(crate) bytes: Vec<u8>,
}

pub(crate) type Answer = Result<Value, Problem>;

/// Why a function cannot work with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The argument it is about, by position.
    pub(crate) argument: Option<usize>,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Problem { argument: None, message: message.into() }
    }

    pub(crate) fn at(argument: usize, message: impl Into<String>) -> Self {
        Problem { argument: Some(argument), message: message.into() }
    }
}

/// A function of the language.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// How many of them, at the end, may be left out.
    pub optional: usize,
    /// What further arguments are, if there may be any.
    pub rest: Option<Parameter>,
    /// What it does, in one sentence.
    pub doc: &'static str,
    pub(crate) marks: Marks,
    pub(crate) known: Known,
    pub(crate) may_be_null: bool,
    /// It works with everything of the right type.
    pub(crate) total: bool,
    pub(crate) returns: ResultType,
    pub(crate) body: Body,
}

impl Function {
    pub(crate) const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Kind,
        doc: &'static str,
        body: fn(&[Value]) -> Answer,
    ) -> Self {
        Function {
            name,
            parameters,
            optional: 0,
            rest: None,
            doc,
            marks: Marks::Whole,
            known: Known::Wholly,
            may_be_null: false,
            total: false,
            returns: ResultType::Kind(returns),
            body: Body::Values(body),
        }
    }

    /// A function that reads files.
    pub(crate) const fn files(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Kind,
        doc: &'static str,
        body: fn(&[Value], &dyn Files) -> Answer,
    ) -> Self {
        fn impossible(_: &[Value]) -> Answer {
            Ok(Value::null()) // the body is another
        }
        Function::new(name, parameters, returns, doc, impossible).with_body(Body::Files(body))
    }

    pub(crate) const fn rest(mut self, parameter: Parameter) -> Self {
        self.rest = Some(parameter);
        self
    }

    pub(crate) const fn optional(mut self, count: usize) -> Self {
        self.optional = count;
        self
    }

    /// The body keeps unknown and sensitive parts of its arguments.
    pub(crate) const fn keeps_parts(mut self) -> Self {
        self.marks = Marks::Parts;
        self.known = Known::Itself;
        self
    }

    /// The body deals with unknown and sensitive arguments itself.
    pub(crate) const fn sees_all(mut self) -> Self {
        self.marks = Marks::Own;
        self.known = Known::Nothing;
        self
    }

    pub(crate) const fn known(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// The function works with everything of the right type.
    pub(crate) const fn total(mut self) -> Self {
        self.total = true;
        self
    }

    /// The result may be null.
    pub(crate) const fn nullable(mut self) -> Self {
        self.may_be_null = true;
        self
    }

    pub(crate) const fn marks(mut self, marks: Marks) -> Self {
        self.marks = marks;
        self
    }

    pub(crate) const fn typed(mut self, of: fn(&[Value]) -> Result<Type, Problem>) -> Self {
        self.returns = ResultType::From(of);
        self
    }

    pub(crate) const fn with_body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The type of the result when it is not known; an argument of which not even the type is known leaves it open.
    pub(crate) fn result(&self, arguments: &[Value]) -> Result<Type, Problem> {
        let untyped = |value: &Value| value.is_unknown() && value.type_of() == Type::Any;
        match self.returns {
            _ if arguments.iter().any(untyped) => Ok(Type::Any),
            ResultType::Kind(kind) => Ok(kind.ty()),
            ResultType::From(of) => of(arguments),
        }
    }

    /// Whether an argument may turn out to be one that the function cannot work with.
    pub(crate) fn may_refuse(&self, i: usize, argument: &Value) -> bool {
        match argument.content() {
            Content::Unknown(unknown) => {
                let wanted = self.parameter(i).map(|parameter| parameter.kind.ty());
                !(self.total && unknown.not_null && wanted.as_ref() == Some(&unknown.ty))
            }
            _ => self.marks == Marks::Whole && !argument.is_wholly_known(),
        }
    }

    /// What the argument at that position is for.
    pub(crate) fn parameter(&self, i: usize) -> Option<&Parameter> {
        self.parameters.get(i).or(self.rest.as_ref())
    }

    /// As people write it: `join(separator, lists...)`.
    pub fn signature(&self) -> String {
        let mut names: Vec<String> = self.parameters.iter().map(|p| p.name.to_owned()).collect();
        let required = names.len() - self.optional;
        for name in &mut names[required..] {
            name.push('?');
        }
        names.extend(self.rest.map(|p| format!("{}...", p.name)));
        format!("{}({})", self.name, names.join(", "))
    }
}

pub(crate) const fn p(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, null: false }
}

pub(crate) const fn nullable(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, null: true }
}

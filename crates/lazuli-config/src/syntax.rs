//! The syntax tree: what was written, with a span on every node. Immutable; evaluation lives elsewhere.

use std::sync::Arc;

use lazuli_core::{Span, Value};

/// A name with its place.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name.
    pub text: Arc<str>,
    /// Where.
    pub span: Span,
}

/// What stands in a file or between the braces of a block.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The attributes in the order written; names are unique.
    pub attributes: Vec<Attribute>,
    /// The blocks in the order written.
    pub blocks: Vec<Block>,
}

impl Body {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name.text == name)
    }
}

/// `name = value`
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name.
    pub name: Name,
    /// The value.
    pub value: Expr,
}

/// `name "label" { … }`
#[derive(Debug, Clone)]
pub struct Block {
    /// The name.
    pub name: Name,
    /// The labels.
    pub labels: Vec<Name>,
    /// The header: name and labels.
    pub span: Span,
    /// What stands in it.
    pub body: Body,
}

/// An expression with its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// Where.
    pub span: Span,
    /// What.
    pub kind: ExprKind,
}

/// The kinds of expression.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// Null, a truth value, a number, plain text.
    Literal(Value),
    /// Text with interpolations or directives.
    Template(Vec<Part>),
    /// `[a, b]`
    Tuple(Vec<Expr>),
    /// `{ a = b }`
    Object(Vec<Item>),
    /// A bare name.
    Variable(Arc<str>),
    /// `base.name[index]…`
    Traversal(Box<Traversal>),
    /// `-a`, `!a`
    Unary(Box<Unary>),
    /// `a + b`
    Binary(Box<Binary>),
    /// `a ? b : c`
    Conditional(Box<Conditional>),
    /// `name(arguments)`
    Call(Box<Call>),
    /// `[for …]`, `{for …}`
    For(Box<For>),
}

/// An element of an object expression.
#[derive(Debug, Clone)]
pub struct Item {
    /// The key; a bare name has become a literal.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// A value and the way into it.
#[derive(Debug, Clone)]
pub struct Traversal {
    /// Where it begins.
    pub base: Expr,
    /// The way; never empty.
    pub steps: Vec<Step>,
}

/// One step of a traversal.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where.
    pub span: Span,
    /// What.
    pub kind: StepKind,
}

/// The kinds of step.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// `.name`
    Attribute(Arc<str>),
    /// `[key]`, also the old `.0`
    Index(Box<Expr>),
    /// `[*]` or `.*` with the steps taken from every element.
    Splat(Vec<Step>),
}

/// A unary operation.
#[derive(Debug, Clone)]
pub struct Unary {
    /// The operator.
    pub operator: UnaryOperator,
    /// The operand.
    pub operand: Expr,
}

/// The unary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// A binary operation.
#[derive(Debug, Clone)]
pub struct Binary {
    /// The operator.
    pub operator: BinaryOperator,
    /// The left operand.
    pub left: Expr,
    /// The right operand.
    pub right: Expr,
}

/// The binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named as the operators are
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

impl BinaryOperator {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Remainder => "%",
            BinaryOperator::Equal => "==",
            BinaryOperator::NotEqual => "!=",
            BinaryOperator::Less => "<",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::Greater => ">",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::And => "&&",
            BinaryOperator::Or => "||",
        }
    }
}

/// `condition ? yes : no`
#[derive(Debug, Clone)]
pub struct Conditional {
    /// The condition.
    pub condition: Expr,
    /// The result when it holds.
    pub yes: Expr,
    /// The result when it does not.
    pub no: Expr,
}

/// A call of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Expr>,
    /// True when the last argument is followed by `...`.
    pub expand_last: bool,
}

/// A for expression.
#[derive(Debug, Clone)]
pub struct For {
    /// The name of the key, if wanted.
    pub key_name: Option<Arc<str>>,
    /// The name of the element.
    pub value_name: Arc<str>,
    /// What is walked over.
    pub collection: Expr,
    /// The key of the result's element: present for `{for …}`.
    pub key: Option<Expr>,
    /// The result's element.
    pub value: Expr,
    /// Which elements to take.
    pub condition: Option<Expr>,
    /// True for `...`: values of one key are gathered.
    pub grouped: bool,
}

/// A part of a template.
#[derive(Debug, Clone)]
pub enum Part {
    /// Plain text.
    Text(Arc<str>),
    /// `${…}`
    Value(Expr),
    /// `%{ if … }`
    If {
        /// The condition.
        condition: Expr,
        /// Text when it holds.
        yes: Vec<Part>,
        /// Text when it does not.
        no: Vec<Part>,
    },
    /// `%{ for … }`
    For {
        /// The name of the key, if wanted.
        key_name: Option<Arc<str>>,
        /// The name of the element.
        value_name: Arc<str>,
        /// What is walked over.
        collection: Box<Expr>,
        /// The text for every element.
        body: Vec<Part>,
    },
}

impl Expr {
    /// The text of an expression that is plain text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Literal(value) => value.as_str(),
            _ => None,
        }
    }

    /// The value of an expression that needs no evaluation.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.kind {
            ExprKind::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// True for a name with steps after it and nothing around it: `resource.logs.id`, `local.a`.
    pub fn is_reference(&self) -> bool {
        match &self.kind {
            ExprKind::Traversal(traversal) => matches!(traversal.base.kind, ExprKind::Variable(_)),
            _ => false,
        }
    }

    /// The names of `a.b.c` when it consists of names only.
    pub fn as_names(&self) -> Option<Vec<Name>> {
        match &self.kind {
            ExprKind::Variable(name) => Some(vec![Name { text: name.clone(), span: self.span }]),
            ExprKind::Traversal(traversal) => {
                let mut names = traversal.base.as_names()?;
                for step in &traversal.steps {
                    match &step.kind {
                        StepKind::Attribute(name) => {
                            names.push(Name { text: name.clone(), span: step.span });
                        }
                        _ => return None,
                    }
                }
                Some(names)
            }
            _ => None,
        }
    }
}

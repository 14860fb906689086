//! hcl-edit's tree to ours: spans made absolute, names shared, text normalised, comments and blank space dropped.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr as hcl;
use hcl_edit::structure::{self, BlockLabel, Structure};
use lazuli_core::{Diagnostic, Diagnostics, FileId, Number, Span, Type, Value};

use crate::codes;
use crate::syntax::{
    Attribute, Binary, BinaryOperator, Block, Body, Call, Conditional, Expr, ExprKind, For, Item, Name, Step,
    StepKind, Traversal, Unary, UnaryOperator,
};
use crate::text::normalize;

/// Turns parsed chunks of one file into our tree.
pub(crate) struct Lowering<'t> {
    pub(crate) text: &'t str,
    pub(crate) file: FileId,
    /// Where the chunk begins in the text.
    pub(crate) base: usize,
    pub(crate) names: &'t mut HashSet<Arc<str>>,
    pub(crate) diagnostics: &'t mut Diagnostics,
}

impl Lowering<'_> {
    pub(crate) fn span(&self, range: Option<Range<usize>>) -> Span {
        let range = range.unwrap_or(0..0);
        Span::new(self.file, self.base + range.start, self.base + range.end)
    }

    pub(crate) fn source(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    pub(crate) fn name(&mut self, text: &str) -> Arc<str> {
        let text = normalize(text);
        if let Some(name) = self.names.get(&*text) {
            return name.clone();
        }
        let name: Arc<str> = Arc::from(&*text);
        self.names.insert(name.clone());
        name
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Lowers a body whose attributes are known to differ: the parser saw to that.
    fn inner(&mut self, body: &structure::Body) -> Body {
        let mut lowered = Body::default();
        for item in body {
            match item {
                Structure::Attribute(attribute) => lowered.attributes.push(self.attribute(attribute)),
                Structure::Block(block) => lowered.blocks.push(self.block(block)),
            }
        }
        lowered
    }

    /// Lowers the items of a chunk into `into`; `seen` has the attributes that are there already.
    pub(crate) fn items(
        &mut self,
        body: &structure::Body,
        seen: &mut HashMap<Arc<str>, Span>,
        into: &mut Body,
    ) {
        for item in body {
            match item {
                Structure::Attribute(attribute) => {
                    let attribute = self.attribute(attribute);
                    let name = &attribute.name;
                    match seen.get(&name.text) {
                        Some(first) => self.diagnostics.push(
                            Diagnostic::error(
                                codes::ATTRIBUTE_TWICE,
                                format!("`{}` is written twice", name.text),
                            )
                            .at(name.span, "second time")
                            .also_at(*first, "first time"),
                        ),
                        None => {
                            seen.insert(name.text.clone(), name.span);
                            into.attributes.push(attribute);
                        }
                    }
                }
                Structure::Block(block) => {
                    let block = self.block(block);
                    into.blocks.push(block);
                }
            }
        }
    }

    fn attribute(&mut self, attribute: &structure::Attribute) -> Attribute {
        let name = Name { text: self.name(attribute.key.as_str()), span: self.span(attribute.key.span()) };
        Attribute { name, value: self.expr(&attribute.value) }
    }

    fn block(&mut self, block: &structure::Block) -> Block {
        let name = Name { text: self.name(block.ident.as_str()), span: self.span(block.ident.span()) };
        let labels: Vec<Name> = block
            .labels
            .iter()
            .map(|label| {
                let span = match label {
                    BlockLabel::Ident(ident) => ident.span(),
                    BlockLabel::String(string) => string.span(),
                };
                Name { text: self.name(label.as_str()), span: self.span(span) }
            })
            .collect();
        let span = labels.last().map_or(name.span, |last| name.span.to(last.span));
        Block { name, labels, span, body: self.inner(&block.body) }
    }

    /// Lowers an expression.
    pub(crate) fn expr(&mut self, expr: &hcl::Expression) -> Expr {
        let span = self.span(expr.span());
        let kind = match expr {
            hcl::Expression::Null(_) => ExprKind::Literal(Value::null()),
            hcl::Expression::Bool(truth) => ExprKind::Literal(Value::from(*truth.value())),
            hcl::Expression::Number(_) => ExprKind::Literal(self.number(span)),
            hcl::Expression::String(text) => ExprKind::Literal(Value::string(&*normalize(text.value()))),
            hcl::Expression::Array(array) => {
                ExprKind::Tuple(array.iter().map(|element| self.expr(element)).collect())
            }
            hcl::Expression::Object(object) => ExprKind::Object(
                object
                    .iter()
                    .map(|(key, value)| Item { key: self.key(key), value: self.expr(value.expr()) })
                    .collect(),
            ),
            hcl::Expression::StringTemplate(template) => return self.quoted_template(template, span),
            hcl::Expression::HeredocTemplate(heredoc) => return self.heredoc_template(heredoc, span),
            hcl::Expression::Parenthesis(inner) => {
                let inner = self.expr(inner.inner());
                return Expr { span, kind: inner.kind };
            }
            hcl::Expression::Variable(name) => ExprKind::Variable(self.name(name.as_str())),
            hcl::Expression::Conditional(conditional) => ExprKind::Conditional(Box::new(Conditional {
                condition: self.expr(&conditional.cond_expr),
                yes: self.expr(&conditional.true_expr),
                no: self.expr(&conditional.false_expr),
            })),
            hcl::Expression::FuncCall(call) => ExprKind::Call(Box::new(self.call(call))),
            hcl::Expression::Traversal(traversal) => ExprKind::Traversal(Box::new(Traversal {
                base: self.expr(&traversal.expr),
                steps: self.steps(&traversal.operators),
            })),
            hcl::Expression::UnaryOp(unary) => self.unary(unary),
            hcl::Expression::BinaryOp(binary) => ExprKind::Binary(Box::new(Binary {
                operator: operator(*binary.operator.value()),
                left: self.expr(&binary.lhs_expr),
                right: self.expr(&binary.rhs_expr),
            })),
            hcl::Expression::ForExpr(each) => ExprKind::For(Box::new(For {
                key_name: each.intro.key_var.as_ref().map(|name| self.name(name.as_str())),
                value_name: self.name(each.intro.value_var.as_str()),
                collection: self.expr(&each.intro.collection_expr),
                key: each.key_expr.as_ref().map(|key| self.expr(key)),
                value: self.expr(&each.value_expr),
                condition: each.cond.as_ref().map(|condition| self.expr(&condition.expr)),
                grouped: each.grouping,
            })),
        };
        Expr { span, kind }
    }

    /// The exact number as written: hcl-edit rounds to a double.
    fn number(&mut self, span: Span) -> Value {
        let written: String = self.source(span).chars().filter(|c| !c.is_whitespace()).collect();
        match written.parse::<Number>() {
            Ok(number) => Value::from(number),
            Err(error) => {
                self.error(
                    Diagnostic::error(codes::SYNTAX_LIMIT, format!("`{written}` is not a usable number"))
                        .at(span, error.to_string()),
                );
                Value::null_of(Type::Number)
            }
        }
    }

    fn unary(&mut self, unary: &hcl::UnaryOp) -> ExprKind {
        let operand = self.expr(&unary.expr);
        let operator = match unary.operator.value() {
            hcl::UnaryOperator::Neg => UnaryOperator::Negate,
            hcl::UnaryOperator::Not => UnaryOperator::Not,
        };
        ExprKind::Unary(Box::new(Unary { operator, operand }))
    }

    fn call(&mut self, call: &hcl::FuncCall) -> Call {
        let mut text = String::new();
        for part in &call.name.namespace {
            text.push_str(part.as_str());
            text.push_str("::");
        }
        text.push_str(call.name.name.as_str());
        let mut span = self.span(call.name.name.span());
        if let Some(first) = call.name.namespace.first() {
            span = self.span(first.span()).to(span);
        }
        Call {
            name: Name { text: self.name(&text), span },
            arguments: call.args.iter().map(|argument| self.expr(argument)).collect(),
            expand_last: call.args.expand_final(),
        }
    }

    fn key(&mut self, key: &hcl::ObjectKey) -> Expr {
        match key {
            hcl::ObjectKey::Ident(name) => {
                let text = Value::string(self.name(name.as_str()));
                Expr { span: self.span(key.span()), kind: ExprKind::Literal(text) }
            }
            hcl::ObjectKey::Expression(expr) => {
                let lowered = self.expr(expr);
                match expr {
                    hcl::Expression::Null(_) => {
                        Expr { span: lowered.span, kind: ExprKind::Literal(Value::from("null")) }
                    }
                    hcl::Expression::Traversal(_) => {
                        let text = self.source(lowered.span).to_owned();
                        self.error(
                            Diagnostic::error(codes::BAD_KEY, "the key of an object element is ambiguous")
                                .at(lowered.span, "a reference or a name with a dot?")
                                .help(format!("write ({text}) for a reference, \"{text}\" for a name")),
                        );
                        lowered
                    }
                    _ => lowered,
                }
            }
        }
    }

    /// Steps; those after a splat belong to it: all of them after `[*]`, names only after `.*`.
    fn steps(&mut self, operators: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> Vec<Step> {
        let mut steps = Vec::with_capacity(operators.len());
        let mut rest = operators;
        while let Some((operator, after)) = rest.split_first() {
            rest = after;
            let span = self.span(operator.span());
            let kind = match operator.value() {
                hcl::TraversalOperator::GetAttr(name) => {
                    steps.push(Step {
                        span: self.span(name.span()),
                        kind: StepKind::Attribute(self.name(name.as_str())),
                    });
                    continue;
                }
                hcl::TraversalOperator::Index(index) => StepKind::Index(self.expr(index)),
                hcl::TraversalOperator::LegacyIndex(index) => {
                    let number = i64::try_from(*index.value()).unwrap_or(i64::MAX);
                    StepKind::Index(Expr { span, kind: ExprKind::Literal(Value::int(number)) })
                }
                hcl::TraversalOperator::FullSplat(_) => {
                    let inner = self.splat_steps(rest);
                    rest = &[];
                    StepKind::Splat(inner)
                }
                hcl::TraversalOperator::AttrSplat(_) => {
                    let names = rest
                        .iter()
                        .take_while(|o| matches!(o.value(), hcl::TraversalOperator::GetAttr(_)))
                        .count();
                    let inner = self.steps(&rest[..names]);
                    rest = &rest[names..];
                    StepKind::Splat(inner)
                }
            };
            steps.push(Step { span, kind });
        }
        steps
    }

    /// The steps after `[*]`, which may hold further splats; nested no deeper than is safe to walk recursively.
    fn splat_steps(&mut self, operators: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> Vec<Step> {
        const MAX_SPLATS: usize = 16;
        let splats =
            operators.iter().filter(|o| matches!(o.value(), hcl::TraversalOperator::FullSplat(_))).count();
        if splats >= MAX_SPLATS {
            let span = operators.first().map(|o| self.span(o.span()));
            let diagnostic = Diagnostic::error(
                codes::SYNTAX_LIMIT,
                format!("more than {MAX_SPLATS} splats follow each other"),
            );
            self.error(match span {
                Some(span) => diagnostic.at(span, ""),
                None => diagnostic,
            });
            return Vec::new();
        }
        self.steps(operators)
    }
}

fn operator(operator: hcl::BinaryOperator) -> BinaryOperator {
    match operator {
        hcl::BinaryOperator::Plus => BinaryOperator::Add,
        hcl::BinaryOperator::Minus => BinaryOperator::Subtract,
        hcl::BinaryOperator::Mul => BinaryOperator::Multiply,
        hcl::BinaryOperator::Div => BinaryOperator::Divide,
        hcl::BinaryOperator::Mod => BinaryOperator::Remainder,
        hcl::BinaryOperator::Eq => BinaryOperator::Equal,
        hcl::BinaryOperator::NotEq => BinaryOperator::NotEqual,
        hcl::BinaryOperator::Less => BinaryOperator::Less,
        hcl::BinaryOperator::LessEq => BinaryOperator::LessOrEqual,
        hcl::BinaryOperator::Greater => BinaryOperator::Greater,
        hcl::BinaryOperator::GreaterEq => BinaryOperator::GreaterOrEqual,
        hcl::BinaryOperator::And => BinaryOperator::And,
        hcl::BinaryOperator::Or => BinaryOperator::Or,
    }
}

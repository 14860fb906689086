//! Law 6, of expressions: nothing that is said about a mistake tells a sensitive value, and no value that is not marked
//! depends on one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::random::{Expressions, Name, Want};
use common::{Objects, Texts, module, show, spell};
use lazuli_config::{Evaluator, parse_expression};
use lazuli_core::value::Content;
use lazuli_core::{Sources, Type, Value};

const NAMES: &[Name] = &[
    Name { path: "resource.u.text", want: Want::Text },
    Name { path: "resource.u.number", want: Want::Number },
    Name { path: "resource.u.truth", want: Want::Truth },
    Name { path: "resource.u.texts", want: Want::Texts },
    Name { path: "resource.u.parts", want: Want::Texts },
    Name { path: "resource.u.set", want: Want::Set },
    Name { path: "resource.u.map", want: Want::Map },
    Name { path: "resource.u.object", want: Want::Object },
];

/// A world whose every value is a secret with the word in it.
fn world(word: &str, number: i64) -> Objects {
    let text = || Value::from(word);
    let list = |items: Vec<Value>| Value::new(Content::List(Type::String, Arc::new(items)));
    let texts = list(vec![text(), Value::from("a")]);
    let set = lazuli_config::convert(&texts, &Type::Set(Arc::new(Type::String))).unwrap();
    let object =
        Value::object([(word, Value::tuple([text(), Value::object([(word, text())])])), ("a", text())]);
    let attributes = [
        ("text", text().sensitive()),
        ("number", Value::int(number).sensitive()),
        ("truth", Value::from(number > 300_000).sensitive()),
        ("texts", texts.sensitive()),
        ("parts", list(vec![text().sensitive(), Value::from("a")])),
        ("set", set.sensitive()),
        ("map", Value::map(Type::String, [(word, text()), ("a", text())]).sensitive()),
        ("object", object.sensitive()),
    ];
    Objects(BTreeMap::from([("resource.u".to_owned(), Value::object(attributes))]))
}

fn evaluator() -> (Evaluator, Sources) {
    let (module, sources, diagnostics) = module("resource \"u\" {\n}\n");
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(Texts::default()));
    (evaluator, sources)
}

#[test]
fn a_mistake_with_the_elements_of_a_secret_tells_none_of_it() {
    let (evaluator, mut sources) = evaluator();
    let objects = world("hunter2", 271_828);
    let mut told = String::new();
    for expression in [
        "[for k, v in resource.u.map : {}[k]]",
        "[for k, v in resource.u.map : k + 1]",
        "[for k, v in resource.u.object : v.x]",
        "[for k, v in resource.u.map : { (k) = 1 }.x]",
        "[for k, v in resource.u.map : file(v)]",
        "[for v in resource.u.texts : [for w in [v] : w + 1]]",
        "{ for v in [1, 2] : resource.u.text => v }",
        "resource.u.object[*].x",
        "[resource.u.object][*][\"x\"]",
        "transpose(resource.u.object)",
        "tolist([resource.u.object]) + 1",
        "\"%{ for k, v in resource.u.map }${{}[k]}%{ endfor }\"",
        "templatestring(resource.u.parts[1], { (\"${resource.u.text}!\") = 1 })",
        "templatefile(resource.u.text, {})",
    ] {
        let expr = parse_expression(&mut sources, "e", expression).unwrap();
        let mistakes = match evaluator.expression(&expr, &objects, None) {
            Ok(value) => panic!("{expression}: {}", spell(&value)),
            Err(mistakes) => mistakes,
        };
        told.push_str(&format!("{expression}\n{}", show(&sources, &mistakes)));
    }
    assert!(!told.contains("hunter2") && !told.contains("271828"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn a_template_that_is_a_secret_is_not_shown() {
    let (evaluator, mut sources) = evaluator();
    let template = Value::from("hunter2 ${nope}").sensitive();
    let objects = Objects(BTreeMap::from([("resource.u".to_owned(), Value::object([("text", template)]))]));
    for vars in ["{}", "{ nope = [] }"] {
        let expression = format!("templatestring(resource.u.text, {vars})");
        let expr = parse_expression(&mut sources, "e", &expression).unwrap();
        let mistakes = evaluator.expression(&expr, &objects, None).unwrap_err();
        let told = show(&sources, &mistakes);
        assert!(!told.contains("hunter2") && !told.contains("nope ") && !told.contains("${nope}"), "{told}");
    }
}

/// Where two values differ although nothing marks it. That something can be evaluated at all is no secret: what `try`,
/// `can` and the type of a conditional make of that is not looked at.
fn differs(a: &Value, b: &Value) -> bool {
    if a.is_sensitive() || b.is_sensitive() {
        return false;
    }
    match (a.content(), b.content()) {
        (Content::Tuple(x), Content::Tuple(y)) | (Content::List(_, x), Content::List(_, y)) => {
            x.len() != y.len() || x.iter().zip(y.iter()).any(|(x, y)| differs(x, y))
        }
        (Content::Object(x), Content::Object(y)) | (Content::Map(_, x), Content::Map(_, y)) => {
            !x.keys().eq(y.keys()) || x.values().zip(y.values()).any(|(x, y)| differs(x, y))
        }
        _ => a != b,
    }
}

#[test]
fn no_message_tells_a_secret_and_no_unmarked_value_depends_on_one() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(or);
    let (evaluator, mut sources) = evaluator();
    let (one, other) = (world("hunter2", 271_828), world("swordfish", 314_159));
    let mut wrong: Vec<(usize, String)> = Vec::new();
    let first = number("SEED", 0);
    for seed in first..first + number("CASES", 6_000) {
        let depth = 1 + usize::try_from(seed % 3).unwrap();
        let text = Expressions::new(NAMES, seed).expression(Want::Anything, depth);
        let open = ["nonsensitive(", "try(", "can("].iter().any(|word| text.contains(word));
        let Ok(expr) = parse_expression(&mut sources, "e", &text) else { panic!("{text}") };
        let found = evaluator.expression(&expr, &one, None);
        let reason = match (found, evaluator.expression(&expr, &other, None)) {
            (Ok(a), Ok(b)) if !open && differs(&a, &b) => format!("{}\n    {}", spell(&a), spell(&b)),
            (Err(mistakes), _) => {
                let told = show(&sources, &mistakes);
                let secret = told.contains("hunter2") || told.contains("271828");
                let secret = secret && !text.contains("nonsensitive(") || told.is_empty();
                if secret { told } else { continue }
            }
            _ => continue,
        };
        wrong.push((text.len(), format!("{text}\n    {reason}\n")));
    }
    wrong.sort();
    let shown: Vec<&str> =
        wrong.iter().take(usize::try_from(number("SHOW", 12)).unwrap()).map(|(_, t)| t.as_str()).collect();
    assert!(wrong.is_empty(), "{} tell a secret:\n{}", wrong.len(), shown.join("\n"));
}

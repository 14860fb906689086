//! Law 1, of expressions: what an expression gives while something in it is not known yet holds whatever that turns out to
//! be. Random expressions are evaluated with unknown values and with random values in their places.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use common::random::{Expressions, Name, Random, Want, object, value};
use common::{Objects, Texts, module, show, spell};
use lazuli_config::{Evaluator, parse_expression};
use lazuli_core::value::Content;
use lazuli_core::{Diagnostic, Diagnostics, Type, Unknown, Value};

const NAMES: &[Name] = &[
    Name { path: "resource.u.text", want: Want::Text },
    Name { path: "resource.u.text_or_null", want: Want::Text },
    Name { path: "resource.u.begun", want: Want::Text },
    Name { path: "resource.u.number", want: Want::Number },
    Name { path: "resource.u.number_or_null", want: Want::Number },
    Name { path: "resource.u.truth", want: Want::Truth },
    Name { path: "resource.u.truth_or_null", want: Want::Truth },
    Name { path: "resource.u.texts", want: Want::Texts },
    Name { path: "resource.u.texts_or_null", want: Want::Texts },
    Name { path: "resource.u.numbers", want: Want::Numbers },
    Name { path: "resource.u.set", want: Want::Set },
    Name { path: "resource.u.map", want: Want::Map },
    Name { path: "resource.u.object", want: Want::Object },
    Name { path: "resource.u.tuple", want: Want::Object },
    Name { path: "resource.u.objects", want: Want::Object },
    Name { path: "resource.u.partly", want: Want::Object },
];

/// The attributes of the resource: type, and whether they are never null.
fn attributes() -> Vec<(&'static str, Type, bool)> {
    let list = |ty: Type| Type::List(Arc::new(ty));
    vec![
        ("text", Type::String, true),
        ("text_or_null", Type::String, false),
        ("number", Type::Number, true),
        ("number_or_null", Type::Number, false),
        ("truth", Type::Bool, true),
        ("truth_or_null", Type::Bool, false),
        ("texts", list(Type::String), true),
        ("texts_or_null", list(Type::String), false),
        ("numbers", list(Type::Number), true),
        ("set", Type::Set(Arc::new(Type::String)), true),
        ("map", Type::Map(Arc::new(Type::String)), true),
        ("object", object(&[("a", Type::String), ("b", Type::Number)]), true),
        ("tuple", Type::Tuple(vec![Type::String, Type::Number].into()), true),
        ("objects", list(object(&[("a", Type::String)])), true),
    ]
}

fn objects(attributes: Vec<(&'static str, Value)>) -> Objects {
    Objects(BTreeMap::from([("resource.u".to_owned(), Value::object(attributes))]))
}

fn unknown() -> Objects {
    let mut all: Vec<(&str, Value)> = attributes()
        .into_iter()
        .map(|(name, ty, not_null)| (name, Value::unknown(Unknown { not_null, ..Unknown::of(ty) })))
        .collect();
    let begun = Unknown { not_null: true, prefix: "ab".into(), ..Unknown::of(Type::String) };
    all.push(("begun", Value::unknown(begun)));
    let text = all[0].1.clone();
    all.push(("partly", Value::object([("a", text), ("b", Value::from("b"))])));
    objects(all)
}

fn known(random: &mut Random) -> Objects {
    let mut all: Vec<(&str, Value)> = attributes()
        .into_iter()
        .map(|(name, ty, not_null)| {
            // Never null means the value; what is in it may be.
            let value = loop {
                let value = value(&ty, true, random);
                if !(not_null && value.is_null()) {
                    break value;
                }
            };
            (name, value)
        })
        .collect();
    let text = value(&Type::String, false, random);
    all.push(("begun", Value::from(format!("ab{}", text.as_str().unwrap()))));
    let text = all[0].1.clone();
    all.push(("partly", Value::object([("a", text), ("b", Value::from("b"))])));
    objects(all)
}

/// Whether a type that was told holds for one that was found.
fn fits(found: &Type, told: &Type) -> bool {
    match (found, told) {
        (_, Type::Any) | (Type::Any, _) => true,
        (Type::List(f), Type::List(t)) | (Type::Set(f), Type::Set(t)) | (Type::Map(f), Type::Map(t)) => {
            fits(f, t)
        }
        (Type::Tuple(f), Type::Tuple(t)) => {
            f.len() == t.len() && f.iter().zip(t.iter()).all(|(f, t)| fits(f, t))
        }
        (Type::Object(f), Type::Object(t)) => {
            f.keys().eq(t.keys()) && f.values().zip(t.values()).all(|(f, t)| fits(&f.ty, &t.ty))
        }
        (f, t) => f == t,
    }
}

/// Whether a value is what was said about it before.
fn holds(found: &Value, told: &Value) -> bool {
    match (found.content(), told.content()) {
        (_, Content::Unknown(told)) => {
            let begins =
                told.prefix.is_empty() || found.as_str().is_some_and(|text| text.starts_with(&*told.prefix));
            begins && !(told.not_null && found.is_null()) && fits(&found.type_of(), &told.ty)
        }
        (Content::Null(_), Content::Null(_)) => true,
        (Content::Set(f, found), Content::Set(t, told)) => {
            let all_known = told.iter().all(Value::is_wholly_known);
            let same = || all_hold(found, told);
            let some = || {
                !found.is_empty()
                    && found.len() <= told.len()
                    && told.iter().all(|told| found.iter().any(|found| holds(found, told)))
            };
            fits(f, t) && if all_known { same() } else { some() }
        }
        (Content::List(f, found), Content::List(t, told)) => fits(f, t) && all_hold(found, told),
        (Content::Tuple(found), Content::Tuple(told)) => all_hold(found, told),
        (Content::Map(f, found), Content::Map(t, told)) => {
            fits(f, t) && found.keys().eq(told.keys()) && found.values().zip(told.values()).all(pair_holds)
        }
        (Content::Object(found), Content::Object(told)) => {
            found.keys().eq(told.keys()) && found.values().zip(told.values()).all(pair_holds)
        }
        (found, told) => found == told,
    }
}

fn pair_holds((found, told): (&Value, &Value)) -> bool {
    holds(found, told)
}

fn all_hold(found: &[Value], told: &[Value]) -> bool {
    found.len() == told.len() && found.iter().zip(told).all(pair_holds)
}

/// A value without its types. Where not even the type of something is known, what is next to it may
/// still be made text, or a tuple a list: Terraform's plans do not wait for that either.
fn plain(value: &Value) -> Value {
    match value.content() {
        Content::Unknown(_) => Value::unknown_of(Type::Any),
        Content::Number(number) => Value::from(number.to_string()),
        Content::Bool(truth) => Value::from(truth.to_string()),
        Content::List(_, items) | Content::Tuple(items) => Value::tuple(items.iter().map(plain)),
        Content::Set(_, items) => {
            Value::new(Content::Set(Type::Any, Arc::new(items.iter().map(plain).collect())))
        }
        Content::Map(_, entries) | Content::Object(entries) => {
            Value::object(entries.iter().map(|(k, v)| (k.clone(), plain(v))))
        }
        other => Value::new(other.clone()),
    }
}

/// Something in the expression may be of any type while it is not known.
fn untyped(expression: &str) -> bool {
    [
        "try(",
        "?",
        "for ",
        "[*]",
        "concat(",
        "element(",
        "jsondecode(",
        "yamldecode(",
        "regex",
        "templatefile(",
    ]
    .iter()
    .any(|word| expression.contains(word))
}

/// Mistakes that are told early on purpose: the value that is not known yet may keep what is wrong from being evaluated, or
/// be of a type that fits.
fn told_early(expression: &str, mistakes: &Diagnostics) -> bool {
    let of_one_type = |d: &Diagnostic| {
        d.primary.as_ref().is_some_and(|label| label.text.contains("expected elements of one type"))
    };
    ["&&", "||", "?", "[*]"].iter().any(|word| expression.contains(word)) || mistakes.iter().any(of_one_type)
}

#[test]
fn what_a_plan_says_holds_whatever_the_unknown_turns_out_to_be() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(or);
    let (module, mut sources, diagnostics) = module("resource \"u\" {\n}\n");
    assert!(diagnostics.is_empty(), "{}", show(&sources, &diagnostics));
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(Texts::default()));
    let unknown = unknown();
    let mut wrong: Vec<(usize, String)> = Vec::new();
    let first = number("SEED", 0);
    for seed in first..first + number("CASES", 6_000) {
        let depth = 1 + usize::try_from(seed % 3).unwrap();
        let text = Expressions::new(NAMES, seed).expression(Want::Anything, depth);
        let Ok(expr) = parse_expression(&mut sources, "e", &text) else { panic!("{text}") };
        let told = evaluator.expression(&expr, &unknown, None);
        let mut random = Random::new(seed ^ 0x5555);
        for _ in 0..8 {
            let objects = known(&mut random);
            let found = evaluator.expression(&expr, &objects, None);
            let reason = match (&told, &found) {
                (Ok(told), Ok(found))
                    if !(holds(found, told) || untyped(&text) && holds(&plain(found), &plain(told))) =>
                {
                    format!("{}\n    {}", spell(told), spell(found))
                }
                (Err(errors), Ok(found)) if !told_early(&text, errors) => {
                    format!("{}\n    {}", show(&sources, errors).trim_end(), spell(found))
                }
                _ => continue,
            };
            let mut given = String::new();
            for (name, value) in objects.0["resource.u"].as_entries().unwrap() {
                if text.contains(&**name) {
                    let _ = writeln!(given, "      {name} = {}", spell(value));
                }
            }
            wrong.push((text.len(), format!("{text}\n    {reason}\n{given}")));
            break;
        }
    }
    wrong.sort();
    let shown: Vec<&str> = wrong
        .iter()
        .take(usize::try_from(number("SHOW", 12)).unwrap())
        .map(|(_, text)| text.as_str())
        .collect();
    assert!(wrong.is_empty(), "{} are not exact:\n{}", wrong.len(), shown.join("\n"));
}

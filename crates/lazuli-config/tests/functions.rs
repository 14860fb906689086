//! The functions as a whole: their page in the documentation, and what they do with very much.
#![allow(clippy::unwrap_used)]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use common::module;
use lazuli_config::functions;
use lazuli_config::{Evaluator, NoExternals, NoFiles, parse_expression};

#[test]
fn the_page_of_functions_lists_all_of_them() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language/functions.md");
    let mut all: Vec<_> = functions::all().collect();
    all.sort_by_key(|function| function.name);
    let mut text = String::from(
        "# Functions\n\nWith a `?`: may be left out. With `...`: any number of them. `core::` may stand before every name.\n\
         The arguments of a function can be the elements of a list: `max(local.sizes...)`.\n\n\
         | function | gives |\n|---|---|\n",
    );
    for function in all {
        let _ = writeln!(text, "| `{}` | {} |", function.signature(), function.doc);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &text).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == text,
        "docs/language/functions.md is stale: UPDATE_DOCS=1 cargo test -p lazuli-config --test functions"
    );
}

#[test]
fn a_hundred_thousand_elements_are_no_trouble() {
    let text = "locals {\n  pairs = setproduct(range(320), range(320))\n  texts = [for p in local.pairs : \"${p[0]}-${p[1]}\"]\n}\n";
    let (module, mut sources, _) = module(text);
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
    for (expression, expected) in [
        ("length(distinct(X))", "102400"),
        ("length(distinct(local.pairs))", "102400"),
        ("length(setunion(X, X))", "102400"),
        ("length(setintersection(X, X))", "102400"),
        ("length(setsubtract(X, X))", "0"),
        ("contains(X, \"319-319\")", "true"),
        ("index(X, \"319-319\")", "102399"),
        ("length(flatten([X, [X]]))", "204800"),
        ("length(merge({ for x in X : x => 1 }, { for x in X : x => 2 }))", "102400"),
        ("length(matchkeys(X, X, X))", "102400"),
        ("length(zipmap(X, X))", "102400"),
        ("length(concat(X, reverse(X)))", "204800"),
        ("length(chunklist(X, 2))", "51200"),
        ("length(sort(X))", "102400"),
        ("length(transpose({ a = X }))", "102400"),
        ("length(toset(local.pairs))", "102400"),
        ("length(join(\",\", X)) > 102400", "true"),
    ] {
        let expression = expression.replace('X', "local.texts");
        let parsed = parse_expression(&mut sources, "e", &expression).unwrap();
        let value = evaluator.expression(&parsed, &NoExternals, None).unwrap();
        assert_eq!(format!("{value:?}"), expected, "{expression}");
    }
}

#[test]
fn functions_that_terraform_does_not_have() {
    let (module, mut sources, _) = module("");
    let (evaluator, _) = Evaluator::new(Arc::new(module), &[], Arc::new(NoFiles));
    for (expression, expected) in [
        ("cidrcontains(\"10.0.0.0/8\", \"10.1.2.3\")", "true"),
        ("cidrcontains(\"10.0.0.0/8\", \"10.1.0.0/16\")", "true"),
        ("cidrcontains(\"10.0.0.0/16\", \"10.0.0.0/8\")", "false"),
        ("cidrcontains(\"10.0.0.0/16\", \"11.0.0.1\")", "false"),
        ("cidrcontains(\"fd00::/8\", \"fd12::1\")", "true"),
        ("cidrcontains(\"fd00::/8\", \"10.0.0.1\")", "fails"),
        ("cidrcontains(\"10.0.0.0\", \"10.0.0.1\")", "fails"),
        (
            "resource_id(\"s\", \"rg\", \"Microsoft.Network/virtualNetworks/subnets\", \"v\", \"n\")",
            "\"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/n\"",
        ),
        (
            "resource_id(\"s\", null, \"Microsoft.Authorization/locks\", \"l\")",
            "\"/subscriptions/s/providers/Microsoft.Authorization/locks/l\"",
        ),
        ("resource_id(\"s\", \"rg\", \"Microsoft.Network/virtualNetworks\", \"v\", \"n\")", "fails"),
        ("resource_id(\"s\", \"rg\", \"Microsoft.Network/virtualNetworks\", \"a/b\")", "fails"),
    ] {
        let parsed = parse_expression(&mut sources, "e", expression).unwrap();
        let value = evaluator.expression(&parsed, &NoExternals, None);
        assert_eq!(value.map_or_else(|_| "fails".to_owned(), |v| format!("{v:?}")), expected, "{expression}");
    }
}

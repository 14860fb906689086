//! Functions: what they say of mistakes, that they end, and what Terraform cannot be asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use common::show;
use lazuli_config::{Evaluator, Files, Moment, NoExternals, parse, parse_expression};
use lazuli_core::{Diagnostics, Sources, Value};
use proptest::prelude::*;

/// Files by path, and an apply if there is one.
#[derive(Default)]
struct Machine {
    files: BTreeMap<&'static str, &'static str>,
    apply: Option<Moment>,
}

impl Files for Machine {
    fn read(&self, path: &str) -> Result<Arc<[u8]>, String> {
        self.files
            .get(path)
            .map(|t| Arc::from(t.as_bytes()))
            .ok_or_else(|| "there is no such file".to_owned())
    }

    fn apply(&self) -> Option<Moment> {
        self.apply.clone()
    }
}

/// Expressions in a configuration of their own.
struct World {
    evaluator: Evaluator,
    sources: Sources,
}

impl World {
    fn new(configuration: &str, machine: Machine) -> World {
        let mut sources = Sources::default();
        let (module, found) = parse(&mut sources, vec![("main.hcl".into(), configuration.to_owned())]);
        assert!(found.is_empty(), "{}", show(&sources, &found));
        let (evaluator, found) = Evaluator::new(Arc::new(module), &[], Arc::new(machine));
        assert!(found.is_empty(), "{}", show(&sources, &found));
        World { evaluator, sources }
    }

    fn value(&mut self, expression: &str) -> Result<Value, Diagnostics> {
        let expr = parse_expression(&mut self.sources, "e", expression)?;
        self.evaluator.expression(&expr, &NoExternals, None)
    }

    fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression).unwrap_or_else(|found| panic!("{}", show(&self.sources, &found)));
        value.as_str().unwrap().to_owned()
    }

    fn mistake(&mut self, expression: &str) -> String {
        let found = self.value(expression).expect_err(expression);
        show(&self.sources, &found)
    }
}

#[test]
fn mistakes_are_told_where_they_are() {
    let files = BTreeMap::from([
        ("greet.tftpl", "Hello, ${name}!\n\tYou are ${ages[0] + nmae}.\n"),
        ("broken.tftpl", "one\ntwo ${ + } three\n"),
        ("again.tftpl", "${templatefile(\"greet.tftpl\", {})}"),
        ("number.tftpl", "first\n${upper(x)} ${x.y}\n"),
        ("null.tftpl", "${x}"),
    ]);
    let secret =
        "variable \"secret\" {\n  type      = string\n  default   = \"hunter2\"\n  sensitive = true\n}\n";
    let mut world = World::new(secret, Machine { files, ..Machine::default() });
    let mut told = String::new();
    for expression in [
        r#"templatefile("greet.tftpl", { name = "you", ages = [1] })"#,
        r#"templatefile("broken.tftpl", {})"#,
        r#"templatefile("again.tftpl", {})"#,
        r#"templatefile("number.tftpl", { x = "a" })"#,
        r#"templatefile("number.tftpl", { x = var.secret })"#,
        r#"templatefile("null.tftpl", { x = null })"#,
        r#"templatefile("null.tftpl", { "no name" = 1 })"#,
        r#"templatefile("null.tftpl", "x")"#,
        r#"templatefile("nosuch.tftpl", {})"#,
        r#"templatestring("text", {})"#,
        r#"file("nosuch")"#,
        r#"yamldecode("a: [1, 2")"#,
        r#"yamldecode("a: 1\nb: *c")"#,
        r#"yamldecode("a: !mine 1")"#,
        r#"csvdecode("a,b\n1,2\n3")"#,
        r#"jsondecode("{\"a\": }")"#,
        r#"base64decode("?")"#,
        r#"textencodebase64("Grüße", "US-ASCII")"#,
        r#"textencodebase64("x", "UTF-99")"#,
        r#"formatdate("YYYY-mmm", "2024-05-01T12:00:00Z")"#,
        r#"timeadd("2024-05-01", "1h")"#,
        r#"timeadd("2024-05-01T12:00:00Z", "1 hour")"#,
        r#"uuidv5("nowhere", "x")"#,
        r#"bcrypt("x", 31)"#,
        r#"rsadecrypt("AAAA", "no key")"#,
        r#"base64decode(var.secret)"#,
    ] {
        let _ = writeln!(told, "{expression}\n{}", world.mistake(expression));
    }
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn nothing_grows_or_runs_without_end() {
    let mut world = World::new("", Machine::default());
    let laughs = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
        format!("{text}a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1)
    });
    let deep = "[".repeat(100_000);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; 17 << 20]).unwrap();
    let bomb = format!("base64gunzip(\"{}\")", STANDARD.encode(packer.finish().unwrap()));
    let stars = format!("fileset(\".\", \"{}b\")", "*a".repeat(50));
    for (expression, expected) in [
        (format!("yamldecode({laughs:?})"), "parts"),
        (format!("yamldecode({deep:?})"), ""),
        (format!("jsondecode({deep:?})"), "nested"),
        (bomb, "longer than 16 MiB"),
    ] {
        let told = world.mistake(&expression);
        assert!(told.contains(expected), "{expected}: {}", &told[..told.len().min(400)]);
    }
    // Without a folder there is nothing to compare, and that is no mistake.
    assert!(world.value(&stars).is_ok());
}

#[test]
fn an_apply_has_one_moment_and_every_call_its_own_id() {
    const LOCALS: &str = "locals {\n  once = uuid()\n}\n";
    let moment = |seed: &[u8]| Machine {
        apply: Some(Moment { time: "2024-05-01T12:00:00Z".into(), seed: seed.into() }),
        ..Machine::default()
    };
    let mut planning = World::new(LOCALS, Machine::default());
    for expression in ["timestamp()", "uuid()", "local.once", "bcrypt(\"x\", 4)"] {
        assert!(planning.value(expression).unwrap().is_unknown(), "{expression}");
    }
    let mut applying = World::new(LOCALS, moment(b"one"));
    assert_eq!(applying.text("timestamp()"), "2024-05-01T12:00:00Z");
    let ids = applying.text(r#"join(" ", concat([for i in range(3): uuid()], [uuid(), local.once]))"#);
    let different: std::collections::BTreeSet<&str> = ids.split(' ').collect();
    assert_eq!(different.len(), 5, "{ids}");
    assert_eq!(applying.text("local.once"), applying.text("local.once"));
    assert!(different.contains(&*applying.text("local.once")));
    assert_eq!(applying.text("local.once").as_bytes()[14], b'4');
    assert_ne!(applying.text("local.once"), World::new(LOCALS, moment(b"two")).text("local.once"));
    let hash = applying.text(r#"bcrypt("correct horse", 4)"#);
    assert!(hash.starts_with("$2a$04$") && hash.len() == 60, "{hash}");
}

#[test]
fn bcrypt_is_the_bcrypt_that_others_check() {
    // A published test vector: the empty password.
    let bcrypt64 = GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD);
    let mut salt = [0; 16];
    salt.copy_from_slice(&bcrypt64.decode("DCq7YPn5Rq63x1Lad4cll.").unwrap());
    let hash = bcrypt::bcrypt(6, salt, b"\0");
    assert_eq!(bcrypt64.encode(&hash[..23]), "TV4S6ytwfsfvkgY8jIucDrjc8deX1s.");
}

#[test]
fn packed_text_of_others_is_unpacked_and_damage_is_noticed() {
    let mut world = World::new("", Machine::default());
    let packed = |text: &str, name: Option<&str>| {
        let builder = flate2::GzBuilder::new().comment("by others").extra(*b"abc");
        let builder = if let Some(name) = name { builder.filename(name) } else { builder };
        let mut packer = builder.write(Vec::new(), flate2::Compression::best());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    };
    let mut unpacked = |bytes: &[u8]| {
        let value = world.value(&format!("base64gunzip(\"{}\")", STANDARD.encode(bytes)));
        value.ok().map(|value| value.as_str().unwrap().to_owned())
    };
    let one = packed("one ", Some("one.txt"));
    assert_eq!(unpacked(&one).unwrap(), "one ");
    assert_eq!(unpacked(&[one.clone(), packed("two", None)].concat()).unwrap(), "one two");
    assert_eq!(unpacked(&packed("", None)).unwrap(), "");
    for end in 0..one.len() {
        assert_eq!(unpacked(&one[..end]), None, "{end} bytes");
    }
    let last = one.len() - 5;
    let flipped: Vec<u8> =
        one.iter().enumerate().map(|(i, byte)| if i == last { byte ^ 1 } else { *byte }).collect();
    assert_eq!(unpacked(&flipped), None);
}

#[test]
fn urls_are_decoded() {
    let mut world = World::new("", Machine::default());
    assert_eq!(world.text(r#"urldecode("a+b%20c%C3%A9%2B")"#), "a b cé+");
    assert_eq!(world.text(r#"urldecode(urlencode("ß & ü/+%"))"#), "ß & ü/+%");
    assert!(world.mistake(r#"urldecode("%zz")"#).contains("hexadecimal"));
    assert!(world.mistake(r#"urldecode("%ff")"#).contains("UTF-8"));
}

/// Text as a string of the language.
fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_packed_is_unpacked(words in prop::collection::vec("[a-c]{1,3}|[ -~]{0,40}|é", 0..400), times in 1usize..6) {
        use unicode_normalization::UnicodeNormalization as _;
        let text: String = words.concat().repeat(times).nfc().collect();
        let mut world = World::new("", Machine::default());
        prop_assert_eq!(world.text(&format!("base64gunzip(base64gzip({}))", quoted(&text))), text);
    }

    #[test]
    fn yaml_reads_what_it_wrote(text in "([ -~]|\n|é|\t|🌍){0,60}") {
        let mut world = World::new("", Machine::default());
        let same = format!("yamldecode(yamlencode({{ a = [{0}], ({0}) = {0} }})) == {{ a = [{0}], ({0}) = {0} }}", quoted(&text));
        prop_assert_eq!(world.value(&same).unwrap(), Value::from(true), "{:?}", text);
    }

    #[test]
    fn no_document_stops_the_reader(text in "([ -~]|\n|\t|[-:?&*!|>'\"{}\\[\\],#%@` ]){0,40}") {
        let mut world = World::new("", Machine::default());
        let _ = world.value(&format!("yamldecode({})", quoted(&text)));
        let _ = world.value(&format!("csvdecode({})", quoted(&text)));
        let _ = world.value(&format!("jsondecode({})", quoted(&text)));
        let _ = world.value(&format!("fileset({0}, {0})", quoted(&text)));
        let _ = world.value(&format!("formatdate({0}, \"2024-05-01T12:00:00Z\")", quoted(&text)));
        let _ = world.value(&format!("timeadd(\"2024-05-01T12:00:00Z\", {0})", quoted(&text)));
    }
}

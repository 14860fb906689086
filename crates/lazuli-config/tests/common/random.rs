//! Random expressions over the names of a world, and random values of a type.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lazuli_config::functions::{self, Function, Kind};
use lazuli_core::types::Field;
use lazuli_core::value::Content;
use lazuli_core::{Type, Value};

/// Numbers that are the same for every run of the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    pub fn pick<'t, T: ?Sized>(&mut self, from: &[&'t T]) -> &'t T {
        from[self.below(from.len())]
    }
}

/// What an expression should be worth, more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Text,
    Number,
    Truth,
    Texts,
    Numbers,
    Set,
    Map,
    Object,
    Anything,
}

use Want::{Anything, Map, Number, Numbers, Object, Set, Text, Texts, Truth};

const ALL: [Want; 8] = [Text, Number, Truth, Texts, Numbers, Set, Map, Object];

/// A name of the world and what it is worth.
pub struct Name {
    pub path: &'static str,
    pub want: Want,
}

/// Expressions over names.
pub struct Expressions<'w> {
    pub names: &'w [Name],
    pub random: Random,
    /// Names bound by `for` around the place, and what they may be worth.
    bound: Vec<(String, Want)>,
    functions: Vec<&'static Function>,
}

/// Functions that are tested elsewhere, because they read files or make something new.
const LEFT_OUT: [&str; 5] = ["timestamp", "uuid", "bcrypt", "plantimestamp", "rsadecrypt"];

impl<'w> Expressions<'w> {
    pub fn new(names: &'w [Name], seed: u64) -> Self {
        let functions = functions::all().filter(|f| !LEFT_OUT.contains(&f.name)).collect();
        Expressions { names, random: Random::new(seed), bound: Vec::new(), functions }
    }

    pub fn expression(&mut self, want: Want, depth: usize) -> String {
        let want = match want {
            Anything => ALL[self.random.below(ALL.len())],
            want => want,
        };
        if depth == 0 || self.random.below(8) == 0 {
            return self.leaf(want);
        }
        match self.random.below(10) {
            0 | 1 => self.call(depth),
            2 => {
                let (c, a, b) = (self.of(Truth, depth), self.of(want, depth), self.of(want, depth));
                format!("({c} ? {a} : {b})")
            }
            3 => format!("try({}, {})", self.of(want, depth), self.of(want, depth)),
            4 => {
                let other = self.of(Anything, depth);
                let c = self.of(Truth, depth);
                let a = self.of(want, depth);
                format!("({c} ? {a} : {other})")
            }
            _ => self.natural(want, depth),
        }
    }

    fn of(&mut self, want: Want, depth: usize) -> String {
        self.expression(want, depth - 1)
    }

    fn leaf(&mut self, want: Want) -> String {
        let names: Vec<String> = self
            .names
            .iter()
            .filter(|n| n.want == want)
            .map(|n| n.path.to_owned())
            .chain(self.bound.iter().filter(|(_, w)| *w == want || *w == Anything).map(|(n, _)| n.clone()))
            .collect();
        if !names.is_empty() && self.random.below(3) > 0 {
            return names[self.random.below(names.len())].clone();
        }
        const TEXTS: &[&str] = &[
            "\"a\"",
            "\"b\"",
            "\"\"",
            "\"1\"",
            "\"true\"",
            "\"ab\"",
            "\"e\"",
            "\"\\u0301\"",
            "\"a=\"",
            "\"10.0.0.0/16\"",
            "\"2024-01-01T00:00:00Z\"",
            "\"%s\"",
            "\"%s-%v\"",
            "\"YWI=\"",
            "\"[1]\"",
            "\"{\\\"a\\\":\\\"1\\\"}\"",
            "\"x: y\"",
            "\"a,b\\n1,2\"",
            "\"(a)|b\"",
            "\"/a/\"",
            "null",
            "\"UTF-8\"",
            "\"1h\"",
        ];
        match want {
            Text => self.random.pick(TEXTS).to_owned(),
            Number => self.random.pick(&["0", "1", "2", "-1", "1.5", "16", "null", "\"1\""]).to_owned(),
            Truth => self.random.pick(&["true", "false", "true", "false", "null", "\"true\""]).to_owned(),
            Texts => self
                .random
                .pick(&["[]", "tolist([\"a\", \"b\"])", "[\"b\", \"a\"]", "tolist([])", "[null, \"a\"]"])
                .to_owned(),
            Numbers => self.random.pick(&["[]", "[1, 2]", "tolist([2, 1])", "[1, null]"]).to_owned(),
            Set => self
                .random
                .pick(&["toset([])", "toset([\"a\", \"b\"])", "toset([\"b\"])", "toset([1])"])
                .to_owned(),
            Map => self
                .random
                .pick(&["{}", "tomap({ a = \"1\", b = \"2\" })", "{ a = \"1\" }", "tomap({})"])
                .to_owned(),
            Object | Anything => self
                .random
                .pick(&[
                    "{ a = \"1\", b = 2 }",
                    "[\"a\", 1]",
                    "[[\"a\"], [\"b\"]]",
                    "{ a = [\"x\"] }",
                    "null",
                    "[{ a = 1 }, { a = 2 }]",
                ])
                .to_owned(),
        }
    }

    fn natural(&mut self, want: Want, depth: usize) -> String {
        let case = self.random.below(12);
        match want {
            Text => match case {
                0 | 1 => format!("\"{}\"", self.template(depth)),
                2 => format!(
                    "\"%{{ if {} }}{}%{{ else }}{}%{{ endif }}\"",
                    self.of(Truth, depth),
                    self.template(depth),
                    self.template(depth)
                ),
                3 => {
                    let over = self.collection(depth);
                    self.bound.push(("v".into(), Anything));
                    let body = self.template(depth);
                    self.bound.pop();
                    format!("\"x%{{ for v in {over} }}{body}%{{ endfor }}\"")
                }
                4 => format!("jsonencode({})", self.of(Anything, depth)),
                5 => format!("{}[{}]", self.of(Texts, depth), self.of(Number, depth)),
                6 => format!("{}[{}]", self.of(Map, depth), self.of(Text, depth)),
                7 => format!("{}.a", self.parenthesised(Object, depth)),
                8 => format!("join({}, {})", self.of(Text, depth), self.of(Texts, depth)),
                9 => format!("element({}, {})", self.of(Texts, depth), self.of(Number, depth)),
                10 => format!(
                    "lookup({}, {}, {})",
                    self.of(Map, depth),
                    self.of(Text, depth),
                    self.of(Text, depth)
                ),
                _ => format!("coalesce({}, {})", self.of(Text, depth), self.of(Text, depth)),
            },
            Number => match case {
                0..=3 => {
                    let operator = self.random.pick(&["+", "-", "*", "/", "%"]);
                    format!("({} {operator} {})", self.of(Number, depth), self.of(Number, depth))
                }
                4 => format!("-{}", self.parenthesised(Number, depth)),
                5..=8 => format!("length({})", self.of(Anything, depth)),
                9 => format!("index({}, {})", self.of(Texts, depth), self.of(Text, depth)),
                _ => format!("{}[{}]", self.of(Numbers, depth), self.of(Number, depth)),
            },
            Truth => match case {
                0 | 1 => {
                    let operator = self.random.pick(&["&&", "||"]);
                    format!("({} {operator} {})", self.of(Truth, depth), self.of(Truth, depth))
                }
                2 => format!("!{}", self.parenthesised(Truth, depth)),
                3 => {
                    let operator = self.random.pick(&["<", "<=", ">", ">="]);
                    format!("({} {operator} {})", self.of(Number, depth), self.of(Number, depth))
                }
                4..=7 => {
                    let operator = self.random.pick(&["==", "!="]);
                    let want = ALL[self.random.below(ALL.len())];
                    let other = if self.random.below(4) == 0 { Anything } else { want };
                    format!("({} {operator} {})", self.of(want, depth), self.of(other, depth))
                }
                8 => format!("({} == null)", self.of(Anything, depth)),
                9 => format!("can({})", self.of(Anything, depth)),
                10 => format!("startswith({}, {})", self.of(Text, depth), self.of(Text, depth)),
                _ => format!("contains({}, {})", self.collection(depth), self.of(Text, depth)),
            },
            Texts | Numbers => {
                let inner = if want == Texts { Text } else { Number };
                match case {
                    0 | 1 => format!("[{}, {}]", self.of(inner, depth), self.of(inner, depth)),
                    2 => format!("tolist({})", self.collection(depth)),
                    3..=5 => self.for_list(inner, depth),
                    6 => format!("{}[*]", self.parenthesised(Anything, depth)),
                    7 => format!("{}[*].a", self.parenthesised(Object, depth)),
                    8 => format!("concat({}, {})", self.of(want, depth), self.of(want, depth)),
                    9 => format!("keys({})", self.of(Map, depth)),
                    10 => format!("values({})", self.of(Map, depth)),
                    _ => format!("sort({})", self.of(want, depth)),
                }
            }
            Set => match case {
                0..=4 => format!("toset({})", self.collection(depth)),
                5 => format!("setunion({}, {})", self.of(Set, depth), self.of(Set, depth)),
                6 => format!("setintersection({}, {})", self.of(Set, depth), self.of(Set, depth)),
                7 => format!("setsubtract({}, {})", self.of(Set, depth), self.of(Set, depth)),
                _ => format!("toset([{}, {}])", self.of(Text, depth), self.of(Text, depth)),
            },
            Map => match case {
                0 | 1 => format!("tomap({{ a = {}, b = {} }})", self.of(Text, depth), self.of(Text, depth)),
                2 | 3 => format!("{{ ({}) = {} }}", self.of(Text, depth), self.of(Text, depth)),
                4..=6 => self.for_object(depth),
                7 => format!("merge({}, {})", self.of(Map, depth), self.of(Map, depth)),
                8 => format!("zipmap({}, {})", self.of(Texts, depth), self.of(Texts, depth)),
                _ => format!("tomap({})", self.of(Map, depth)),
            },
            Object | Anything => match case {
                0..=3 => format!("{{ a = {}, b = {} }}", self.of(Anything, depth), self.of(Anything, depth)),
                4..=7 => format!("[{}, {}]", self.of(Anything, depth), self.of(Anything, depth)),
                8 => format!("flatten([{}, {}])", self.of(Anything, depth), self.of(Anything, depth)),
                9 => self.for_list(Anything, depth),
                10 => format!("merge({}, {})", self.of(Object, depth), self.of(Object, depth)),
                _ => format!("jsondecode({})", self.of(Text, depth)),
            },
        }
    }

    fn parenthesised(&mut self, want: Want, depth: usize) -> String {
        format!("({})", self.of(want, depth))
    }

    fn collection(&mut self, depth: usize) -> String {
        let want = [Texts, Set, Map, Object, Numbers, Set][self.random.below(6)];
        self.of(want, depth)
    }

    fn template(&mut self, depth: usize) -> String {
        let word = self.random.pick(&["", "a", "a-", "ab", "a="]);
        let end = self.random.pick(&["", "z"]);
        format!("{word}${{{}}}{end}", self.of(Text, depth))
    }

    fn for_list(&mut self, inner: Want, depth: usize) -> String {
        let over = self.collection(depth);
        let name = format!("v{}", self.bound.len());
        self.bound.push((name.clone(), Anything));
        let body = self.of(inner, depth);
        let filter =
            if self.random.below(3) == 0 { format!(" if {}", self.of(Truth, depth)) } else { String::new() };
        self.bound.pop();
        format!("[for {name} in {over} : {body}{filter}]")
    }

    fn for_object(&mut self, depth: usize) -> String {
        let over = self.collection(depth);
        let (k, v) = (format!("k{}", self.bound.len()), format!("v{}", self.bound.len()));
        self.bound.push((k.clone(), Anything));
        self.bound.push((v.clone(), Anything));
        let key = if self.random.below(2) == 0 { k.clone() } else { self.of(Text, depth) };
        let body = self.of(Text, depth);
        let grouped = if self.random.below(3) == 0 { "..." } else { "" };
        let filter =
            if self.random.below(4) == 0 { format!(" if {}", self.of(Truth, depth)) } else { String::new() };
        self.bound.truncate(self.bound.len() - 2);
        format!("{{ for {k}, {v} in {over} : {key} => {body}{grouped}{filter} }}")
    }

    fn call(&mut self, depth: usize) -> String {
        let function = self.functions[self.random.below(self.functions.len())];
        let mut text = format!("{}(", function.name);
        let least = function.parameters.len() - self.random.below(function.optional + 1);
        let more = if function.rest.is_some() { self.random.below(3) } else { 0 };
        for i in 0..least + more {
            let Some(parameter) = function.parameters.get(i).or(function.rest.as_ref()) else { continue };
            let want = match parameter.kind {
                Kind::String => Text,
                Kind::Number => Number,
                Kind::Bool => Truth,
                Kind::Strings | Kind::List => Texts,
                Kind::Numbers => Numbers,
                Kind::Bools => Texts,
                Kind::Set => Set,
                Kind::Map | Kind::StringLists => Map,
                Kind::Any => Anything,
            };
            let argument = match (parameter.kind, parameter.name) {
                (Kind::Bools, _) => format!("[{}, {}]", self.of(Truth, depth), self.of(Truth, depth)),
                (Kind::StringLists, _) => format!("{{ a = {} }}", self.of(Texts, depth)),
                (Kind::Any, "list" | "lists") => self.collection(depth),
                (Kind::Any, "map" | "maps") => self.of(Map, depth),
                _ => self.of(want, depth),
            };
            let _ = write!(text, "{}{argument}", if i > 0 { ", " } else { "" });
        }
        text + ")"
    }
}

/// A random value of a type; of any type where it is open.
pub fn value(ty: &Type, nullable: bool, random: &mut Random) -> Value {
    if nullable && random.below(4) == 0 {
        return Value::null_of(ty.clone());
    }
    let count = random.below(3);
    match ty {
        Type::Any => {
            let string = || Arc::new(Type::String);
            let types = [
                Type::String,
                Type::Number,
                Type::Bool,
                Type::List(string()),
                Type::Set(string()),
                Type::Map(string()),
                Type::Tuple(vec![Type::String, Type::Number].into()),
                object(&[("a", Type::String), ("b", Type::Number)]),
            ];
            value(&types[random.below(types.len())], nullable, random)
        }
        Type::Bool => Value::from(random.below(2) == 0),
        Type::Number => Value::int(i64::try_from(random.below(4)).unwrap() - 1),
        Type::String => {
            const TEXTS: &[&str] = &[
                "a",
                "b",
                "",
                "1",
                "true",
                "c",
                "é",
                "\u{301}",
                "\u{338}",
                "10.0.0.0/16",
                "%d",
                "[2]",
                "ab",
            ];
            Value::from(random.pick(TEXTS))
        }
        Type::List(element) => {
            let items = (0..count).map(|_| value(element, nullable, random)).collect();
            Value::new(Content::List((**element).clone(), Arc::new(items)))
        }
        Type::Set(element) => {
            let items: Vec<Value> = (0..count).map(|_| value(element, false, random)).collect();
            let list = Value::new(Content::List((**element).clone(), Arc::new(items)));
            lazuli_config::convert(&list, ty).unwrap()
        }
        Type::Map(element) => Value::map(
            (**element).clone(),
            (0..count)
                .map(|_| (random.pick(&["a", "b", "c"]), value(element, nullable, random)))
                .collect::<BTreeMap<_, _>>(),
        ),
        Type::Tuple(types) => {
            Value::tuple(types.iter().map(|ty| value(ty, nullable, random)).collect::<Vec<_>>())
        }
        Type::Object(fields) => Value::object(
            fields.iter().map(|(k, f)| (k.clone(), value(&f.ty, nullable, random))).collect::<Vec<_>>(),
        ),
    }
}

/// The type of an object.
pub fn object(fields: &[(&str, Type)]) -> Type {
    Type::Object(Arc::new(
        fields.iter().map(|(k, ty)| (Arc::from(*k), Field::required(ty.clone()))).collect(),
    ))
}

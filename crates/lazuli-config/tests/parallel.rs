//! Many threads read what one reads.

use std::sync::Arc;

use lazuli_config::{Workers, alone, load};
use lazuli_core::Sources;

/// More text than is parsed in one go, several times.
const MUCH: usize = 400_000;

/// The names of the resources in the order written, and what is wrong, with where.
fn read(files: &[(&str, &str)], workers: Workers<'_>) -> (Vec<String>, Vec<String>) {
    let mut sources = Sources::default();
    let files = files.iter().map(|(name, text)| (Arc::from(*name), (*text).to_owned())).collect();
    let mut none = |_: &str| Err("there are no modules".to_owned());
    let (modules, problems) = load(&mut sources, files, &mut none, workers);
    let names = modules.root().resources.iter().map(|resource| resource.name.text.to_string());
    let told = problems.iter().map(|problem| {
        let labels = problem.primary.iter().chain(&problem.secondary);
        let places: Vec<String> =
            labels.filter_map(|label| sources.location(label.span)).map(|at| at.to_string()).collect();
        format!("{} {}", problem.message, places.join(", "))
    });
    (names.collect(), told.collect())
}

/// Four threads, none of which knows which pieces it gets.
fn four(_: usize, work: &(dyn Fn() + Sync)) {
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
}

fn resource(name: &str) -> String {
    format!("resource \"{name}\" {{\n  name = \"{name}\"\n}}\n")
}

#[test]
fn a_long_file_with_mistakes_is_read_as_one_thread_reads_it() {
    let mut text = String::from("a = 1\nb = = 2\n");
    let mut number = 0;
    while text.len() < MUCH {
        text += &resource(&format!("r{number}"));
        if number % 1000 == 500 {
            text += &format!("resource \"wrong{number}\" {{\n  x = ]\n  y = }}\n  name = \"n\"\n}}\n");
        }
        number += 1;
    }
    text += "a = 3\nb = 4\nresource \"r7\" {}\n";
    let (names, told) = read(&[("main.hcl", &text)], &alone);
    assert!(names.len() > number, "all of them, and those that are wrong: {}", names.len());
    let lines = text.lines().count();
    assert!(
        told.contains(&format!("`a` is written twice main.hcl:{}:1, main.hcl:1:1", lines - 2)),
        "{told:?}"
    );
    assert!(
        told.contains(&format!("`b` is written twice main.hcl:{}:1, main.hcl:2:1", lines - 1)),
        "{told:?}"
    );
    assert!(told.iter().any(|one| one.contains("r7") && one.ends_with("main.hcl:24:10")), "{told:?}");
    for _ in 0..5 {
        assert_eq!(read(&[("main.hcl", &text)], &four), (names.clone(), told.clone()));
    }
}

#[test]
fn files_come_in_the_order_given() {
    let texts: Vec<(String, String)> =
        (0..50).map(|n| (format!("{n}.hcl"), resource(&format!("of{n}")))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(read(&files, &four).0, (0..50).map(|n| format!("of{n}")).collect::<Vec<_>>());
}

//! `fmt`: which files, what is printed, which exit code. How a file looks afterwards is the business of
//! `lazuli-config`.

use std::io::Write as _;
use std::process::Stdio;

use crate::workbench::{Ran, Workbench, told};

const BEFORE: &str = "a   = 1\nbcd=\"${x}\" # y\n";
const AFTER: &str = "a   = 1\nbcd = x # y\n";

fn bench() -> Workbench {
    let bench = Workbench::new();
    bench.write("main.hcl", BEFORE);
    bench.write("fine.hcl", AFTER);
    bench.write("lazuli.vars.hcl", "a=1\n");
    bench.write("other.tf", BEFORE);
    bench.write(".hidden.hcl", BEFORE);
    std::fs::create_dir_all(bench.path("modules/.git")).unwrap();
    bench.write("modules/m.hcl", BEFORE);
    bench.write("modules/.git/m.hcl", BEFORE);
    bench
}

fn piped(bench: &Workbench, arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = bench.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    bench.ran(child.wait_with_output().unwrap())
}

#[test]
fn a_folder_is_its_configuration_and_files_of_variables() {
    let bench = bench();
    let ran = bench.does("fmt");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("lazuli.vars.hcl\nmain.hcl\n", ""));
    assert_eq!(bench.text("main.hcl"), AFTER);
    for untouched in ["other.tf", ".hidden.hcl", "modules/m.hcl"] {
        assert_eq!(bench.text(untouched), BEFORE, "{untouched}");
    }
    assert_eq!(bench.does("fmt").stdout, "");
    assert_eq!(bench.does("fmt --recursive").stdout, "modules/m.hcl\n");
    assert_eq!(bench.text("modules/.git/m.hcl"), BEFORE);
    assert_eq!(bench.does("fmt other.tf").stdout, "other.tf\n");
    assert_eq!(bench.does("fmt modules main.hcl").stdout, "");
}

#[test]
fn a_check_changes_nothing_and_tells_by_its_exit_code() {
    let bench = bench();
    let ran = bench.run("fmt --check --diff");
    assert_eq!(ran.status, Some(3));
    assert_eq!(bench.text("main.hcl"), BEFORE);
    told("fmt_check", &ran);
    let ran = bench.run("fmt --check --diff --json");
    assert_eq!(ran.status, Some(3));
    let document = ran.document();
    assert_eq!(document["written"], false);
    assert_eq!(document["changed"][1]["path"], "main.hcl");
    bench.does("fmt");
    bench.does("fmt --check");
}

#[test]
fn a_file_that_is_no_configuration_is_left_and_the_others_are_formatted() {
    let bench = bench();
    bench.write("broken.hcl", "a   = [1\nb=2\n");
    std::fs::write(bench.path("latin1.hcl"), b"a   = 1\n# caf\xe9\n").unwrap();
    let ran = bench.run("fmt");
    assert_eq!(ran.status, Some(1));
    assert_eq!(bench.text("main.hcl"), AFTER);
    assert_eq!(bench.text("broken.hcl"), "a   = [1\nb=2\n");
    told("fmt_broken", &ran);
    let ran = bench.run("fmt --check --json");
    assert_eq!(ran.status, Some(1));
    assert_eq!(ran.document()["diagnostics"].as_array().unwrap().len(), 2);
    assert_eq!(bench.run("fmt nothing.hcl").status, Some(1));
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let bench = bench();
    let ran = piped(&bench, &["fmt", "-"], BEFORE.as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), AFTER, ""));
    assert_eq!(piped(&bench, &["fmt", "-"], b"a=1").stdout, "a = 1\n");
    assert_eq!(piped(&bench, &["fmt", "-"], b"a=\"\x1b[1m\"\n").stdout, "a = \"\x1b[1m\"\n");
    assert_eq!(piped(&bench, &["fmt", "-"], b"").stdout, "");
    let ran = piped(&bench, &["fmt", "-", "--check"], BEFORE.as_bytes());
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(3), ""));
    assert_eq!(piped(&bench, &["fmt", "-", "--check"], AFTER.as_bytes()).status, Some(0));
    let ran = piped(&bench, &["fmt", "-"], b"a=1\nb=\xff\n");
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("<stdin> is not UTF-8: byte 6, in line 2, is 0xff"), "{ran}");
    assert_eq!(piped(&bench, &["fmt", "-", "main.hcl"], b"").status, Some(1));
}

#[cfg(unix)]
#[test]
fn permissions_stay_and_links_are_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Workbench::new();
    bench.write("real.txt", BEFORE);
    std::fs::set_permissions(bench.path("real.txt"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.txt", bench.path("main.hcl")).unwrap();
    assert_eq!(bench.does("fmt").stdout, "main.hcl\n");
    assert_eq!(bench.text("real.txt"), AFTER);
    assert!(std::fs::symlink_metadata(bench.path("main.hcl")).unwrap().is_symlink());
    let mode = std::fs::metadata(bench.path("real.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_read_only_file_is_left_alone() {
    let bench = bench();
    let mut permissions = std::fs::metadata(bench.path("main.hcl")).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(bench.path("main.hcl"), permissions).unwrap();
    let ran = bench.run("fmt");
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), "lazuli.vars.hcl\n"), "{ran}");
    assert!(ran.stderr.contains("main.hcl cannot be written: it is read-only"), "{ran}");
    assert_eq!(bench.text("main.hcl"), BEFORE);
}

#[test]
fn a_configuration_that_is_no_text_is_told_by_its_byte() {
    let bench = Workbench::new();
    std::fs::write(bench.path("main.hcl"), b"# fine\na = \"\xff\"\n").unwrap();
    told("not_utf8", bench.run("validate"));
}

//! A shell that runs scripts on simulated machines: enough of POSIX `sh` for scripts that administrators send, and a few
//! programs. What it does not know it says so, as a shell does of a program that is not installed.
//!
//! Pure: files are a map, and what a machine has beside the usual programs is its [`Machine`]'s.

mod expand;
mod parse;
mod programs;

use std::collections::BTreeMap;

use parse::{Action, Command, Link, List, Part, Pipeline, Redirect, Simple, Stream};

/// What a program leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) status: i32,
}

impl Ran {
    /// It went well, and wrote this.
    pub(crate) fn wrote(stdout: impl Into<Vec<u8>>) -> Self {
        Ran { stdout: stdout.into(), ..Ran::default() }
    }

    /// It failed, saying this.
    pub(crate) fn failed(status: i32, said: &str) -> Self {
        Ran { stderr: said.as_bytes().to_vec(), status, ..Ran::default() }
    }
}

/// The machine a script runs on.
pub(crate) trait Machine {
    /// A file that was there before any script.
    fn file(&self, path: &str) -> Option<Vec<u8>>;

    /// Runs a program that only this machine has; `None` when it has not. `files` are those that scripts wrote.
    fn program(&mut self, words: &[String], files: &mut Files) -> Option<Ran>;
}

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Runs a script that lies in a file; what it wrote to files is in `files` afterwards.
pub(crate) fn run(name: &str, script: &str, machine: &mut dyn Machine, files: &mut Files) -> Ran {
    let list = match parse::script(script) {
        Ok(list) => list,
        Err(why) => return Ran::failed(2, &format!("script.sh: {why}\n")),
    };
    let variables = BTreeMap::from([("0".to_owned(), name.to_owned())]);
    let mut shell = Shell { machine, files, variables, status: 0, exits: false };
    let mut ran = shell.list(&list, &[]);
    ran.status = shell.status;
    ran
}

struct Shell<'a> {
    machine: &'a mut dyn Machine,
    files: &'a mut Files,
    variables: BTreeMap<String, String>,
    /// `$?`
    status: i32,
    /// Whether the script has ended itself.
    exits: bool,
}

impl Shell<'_> {
    fn list(&mut self, list: &List, stdin: &[u8]) -> Ran {
        let mut all = Ran::default();
        for (link, pipeline) in &list.0 {
            let runs = match link {
                Link::Then => true,
                Link::And => self.status == 0,
                Link::Or => self.status != 0,
            };
            if self.exits || !runs {
                continue;
            }
            let ran = self.pipeline(pipeline, stdin);
            self.status = ran.status;
            all.stdout.extend(ran.stdout);
            all.stderr.extend(ran.stderr);
        }
        all.status = self.status;
        all
    }

    fn pipeline(&mut self, pipeline: &Pipeline, stdin: &[u8]) -> Ran {
        let mut through = Ran { stdout: stdin.to_vec(), ..Ran::default() };
        for command in &pipeline.0 {
            let input = std::mem::take(&mut through.stdout);
            let ran = self.command(command, &input);
            through.stderr.extend(ran.stderr);
            (through.stdout, through.status) = (ran.stdout, ran.status);
        }
        through
    }

    fn command(&mut self, command: &Command, stdin: &[u8]) -> Ran {
        let mut stdin = std::borrow::Cow::Borrowed(stdin);
        for redirect in command.redirects.iter().filter(|redirect| redirect.of == Stream::In) {
            let path = self.fields(std::slice::from_ref(&redirect.to)).concat();
            match self.files.get(&path).cloned().or_else(|| self.machine.file(&path)) {
                Some(bytes) => stdin = bytes.into(),
                None => return Ran::failed(2, &format!("script.sh: cannot open {path}: No such file\n")),
            }
        }
        let stdin = &*stdin;
        let ran = match &command.action {
            Action::Simple(simple) => self.simple(simple, stdin),
            Action::Group(list) => self.list(list, stdin),
            Action::For { variable, words, body } => {
                let mut all = Ran::default();
                for word in self.fields(words) {
                    self.variables.insert(variable.clone(), word);
                    let ran = self.list(body, stdin);
                    all.stdout.extend(ran.stdout);
                    all.stderr.extend(ran.stderr);
                    all.status = ran.status;
                }
                all
            }
        };
        self.redirected(ran, &command.redirects)
    }

    fn redirected(&mut self, mut ran: Ran, redirects: &[Redirect]) -> Ran {
        for redirect in redirects.iter().filter(|redirect| redirect.of != Stream::In) {
            let path = self.fields(std::slice::from_ref(&redirect.to)).concat();
            let bytes =
                std::mem::take(if redirect.of == Stream::Errors { &mut ran.stderr } else { &mut ran.stdout });
            if path == "/dev/null" {
                continue;
            }
            let file = self.files.entry(path).or_default();
            if !redirect.appends {
                file.clear();
            }
            file.extend(bytes);
        }
        ran
    }

    fn simple(&mut self, simple: &Simple, stdin: &[u8]) -> Ran {
        let mut status = 0;
        for (name, word) in &simple.assignments {
            let value = self.fields_of_one(word);
            let runs_something = word.0.iter().any(|(part, _)| matches!(part, Part::Output(_)));
            status = if runs_something { self.status } else { 0 };
            self.variables.insert(name.clone(), value);
        }
        let words = self.fields(&simple.words);
        let Some(program) = words.first() else { return Ran { status, ..Ran::default() } };
        match program.as_str() {
            ":" | "true" | "set" | "umask" | "mkdir" | "find" => Ran::default(),
            "false" => Ran { status: 1, ..Ran::default() },
            "exit" => {
                self.exits = true;
                let status = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(self.status);
                Ran { status, ..Ran::default() }
            }
            _ => {
                let ran = programs::run(&words, stdin, self.files, self.machine);
                ran.unwrap_or_else(|| {
                    let said = format!("script.sh: {}: {program}: not found\n", simple.line);
                    Ran::failed(127, &said)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, Machine, Ran, run};

    struct Plain;

    impl Machine for Plain {
        fn file(&self, path: &str) -> Option<Vec<u8>> {
            (path == "/etc/conf").then(|| b"users:\n  key-data: c2VjcmV0\n".to_vec())
        }

        fn program(&mut self, words: &[String], _: &mut Files) -> Option<Ran> {
            (words[0] == "say")
                .then(|| Ran { stderr: b"said\n".to_vec(), ..Ran::wrote(words[1..].join("|")) })
        }
    }

    fn said(script: &str) -> (String, String, i32) {
        let ran = run("/opt/script.sh", script, &mut Plain, &mut Files::new());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text");
        (text(ran.stdout), text(ran.stderr), ran.status)
    }

    #[test]
    fn scripts_do_what_a_shell_does_with_them() {
        let table = [
            ("echo one; echo 'two  $x'\necho \"three\"", "one\ntwo  $x\nthree\n"),
            ("x=1; y=\"$x 2\"; say $y; say \"$y\" ${y}3", "1|21 2|1|23"),
            ("printf %s abc >/f; n=$(wc -c </f); echo $n; tr -d b </f >/g; cat /g", "3\nac"),
            ("n=$(printf %s hello | wc -c); echo \"$((n)):$((n + 2)):\"", "5:7:\n"),
            ("d=/run/a/b; echo ${d%/*} ${d#/run}", "/run/a /a/b\n"),
            ("for x in a b; do echo $x; done | tr -d '\\n'", "ab"),
            ("false || { echo no; true && echo yes; }", "no\nyes\n"),
            ("[ 3 -gt 2 ] && echo more; [ a = b ] || echo other", "more\nother\n"),
            ("code=$(say a); ended=$?; echo $code $ended; x=$(false); y=$?; echo $? $y", "a 0\n0 1\n"),
            ("echo a >/f; echo b >>/f; cat /f; cp /f /g; rm -rf /f; cat /g", "a\nb\na\nb\n"),
            ("{ echo 1; cat /none 2>/dev/null; } >/f; cat /f", "1\n"),
            ("printf %s hello | gzip -c | base64 | tr -d '\\n' >/p; base64 -d /p | gzip -d", "hello"),
            ("k=key; sed -n \"s/^ *$k-data: *//p\" /etc/conf | base64 -d", "secret"),
            (
                "printf %s abcdef >/f; tail -c +3 /f | head -c 2; echo; printf 'a\\nb\\n' | head -n 1",
                "cd\na\n",
            ),
            ("say a \\\n  b 2>/dev/null # a remark", "a|b"),
            ("c=\"say x\"; $c y", "x|y"),
            ("echo before; exit 3; echo after", "before\n"),
            ("[ \"$0\" = \"${0%/script.sh}\" ] || echo ${0%/*}; [ 2 -lt 3 ] && echo less", "/opt\nless\n"),
        ];
        for (script, stdout) in table {
            assert_eq!(said(script).0, stdout, "{script}");
        }
    }

    #[test]
    fn what_it_cannot_do_it_says() {
        assert_eq!(said("echo a\nnope b"), ("a\n".into(), "script.sh: 2: nope: not found\n".into(), 127));
        assert_eq!(
            said("echo 'a"),
            (String::new(), "script.sh: Syntax error: Unterminated quoted string\n".into(), 2)
        );
        assert_eq!(said("cat /none"), (String::new(), "cat: /none: No such file or directory\n".into(), 1));
        assert_eq!(said("exit 3").2, 3);
    }

    #[test]
    fn files_stay_for_the_next_script() {
        let mut files = Files::new();
        run("script.sh", "echo a >/run/x", &mut Plain, &mut files);
        assert_eq!(run("script.sh", "cat /run/x; rm -rf /run", &mut Plain, &mut files).stdout, b"a\n");
        assert!(files.is_empty());
    }
}

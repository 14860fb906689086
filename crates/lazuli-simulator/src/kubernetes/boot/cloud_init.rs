//! What cloud-init does with user-data at a machine's first boot: unpack, parse, write files, run commands.
//!
//! Only what bootstraps of Kubernetes use is understood. Commands are not run: it is looked up, as text, whether one
//! of them leads to kubeadm.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::kubernetes::yaml::{self, Repeated};

/// No user-data of Azure unpacks to more than this.
const UNPACKED_BYTES: u64 = 16 * 1024 * 1024;

/// The files of a machine by path, with what they say.
pub(crate) type Files = BTreeMap<String, String>;

/// A machine after cloud-init's files are written and its commands are known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) files: Files,
    /// Paths that cloud-init or what it runs names, that lead to kubeadm's command line, with the words after `kubeadm`.
    pub(super) kubeadm: Option<Vec<String>>,
}

/// Lines for the console that say why cloud-init gave up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure(pub(super) Vec<String>);

fn failed(line: impl Into<String>) -> Failure {
    Failure(vec![line.into()])
}

/// Reads user-data as Azure hands it to the machine (decoded from base64).
pub(super) fn read(user_data: &[u8]) -> Result<Prepared, Failure> {
    let unpacked = unpack(user_data)?;
    let text = String::from_utf8(unpacked).map_err(|_| {
        failed("__init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: not UTF-8")
    })?;
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let config = match first.trim_end() {
        "#cloud-config" => config(&text)?,
        line if line.starts_with("## template:") => config(&text)?,
        line => {
            let shown: String = line.chars().take(24).collect();
            return Err(failed(format!(
                "__init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b'{shown}'...'"
            )));
        }
    };
    let files = written(&config)?;
    let kubeadm = run(&config, &files)?;
    Ok(Prepared { files, kubeadm })
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(UNPACKED_BYTES)
        .read_to_end(&mut unpacked)
        .map_err(|error| failed(format!("util.py[WARNING]: Failed decompressing user-data: {error}")))?;
    Ok(unpacked)
}

fn config(text: &str) -> Result<Value, Failure> {
    let broken = |why: String| {
        Failure(vec![
            format!("util.py[WARNING]: Failed loading yaml blob. Invalid format at {why}"),
            "util.py[WARNING]: Failed at merging in cloud config part from part-001".to_owned(),
        ])
    };
    let mut documents = yaml::documents(text, Repeated::LastWins).map_err(broken)?;
    match (documents.pop(), documents.is_empty()) {
        (Some(config @ Value::Object(_)), true) => Ok(config),
        (None, _) => Ok(Value::Null),
        (Some(_), true) => Err(broken("line 1: (yaml loaded is not a dict)".to_owned())),
        (Some(_), false) => Err(broken("line 1: expected a single document in the stream".to_owned())),
    }
}

fn written(config: &Value) -> Result<Files, Failure> {
    let invalid = |what: String| {
        Failure(vec![
            format!("schema.py[WARNING]: cloud-config failed schema validation! {what}"),
            "cc_write_files.py[ERROR]: Running module write_files failed".to_owned(),
        ])
    };
    let mut files = Files::new();
    let list = match &config["write_files"] {
        Value::Null => return Ok(files),
        Value::Array(list) => list,
        _ => return Err(invalid("write_files: not a list".to_owned())),
    };
    for (index, file) in list.iter().enumerate() {
        let Some(path) = file["path"].as_str().filter(|path| path.starts_with('/')) else {
            return Err(invalid(format!("write_files.{index}: 'path' is a required property")));
        };
        match &file["permissions"] {
            Value::Null | Value::Number(_) => {}
            Value::String(mode) if u32::from_str_radix(mode.trim_start_matches("0o"), 8).is_ok() => {}
            _ => return Err(invalid(format!("write_files.{index}.permissions: not an octal string"))),
        }
        let content = match &file["content"] {
            Value::Null => "",
            Value::String(content) => content,
            _ => return Err(invalid(format!("write_files.{index}.content: is not of type 'string'"))),
        };
        let encoding = file["encoding"].as_str().unwrap_or("text/plain").to_ascii_lowercase();
        let bytes = match encoding.as_str() {
            "gz" | "gzip" => unpack(content.as_bytes())?,
            "gz+base64" | "gzip+base64" | "gz+b64" | "gzip+b64" => unpack(&base64(content, path)?)?,
            "b64" | "base64" => base64(content, path)?,
            "text/plain" => content.as_bytes().to_vec(),
            other => {
                return Err(invalid(format!(
                    "write_files.{index}.encoding: '{other}' is not one of ['gz', 'gzip', 'gz+base64', 'gzip+base64', 'gz+b64', 'gzip+b64', 'b64', 'base64', 'text/plain']"
                )));
            }
        };
        let text = String::from_utf8_lossy(&bytes);
        match file["append"].as_bool() {
            Some(true) => files.entry(path.to_owned()).or_default().push_str(&text),
            _ => {
                files.insert(path.to_owned(), text.into_owned());
            }
        }
    }
    Ok(files)
}

fn base64(content: &str, path: &str) -> Result<Vec<u8>, Failure> {
    let words: String = content.split_whitespace().collect();
    STANDARD.decode(words).map_err(|error| {
        failed(format!("cc_write_files.py[ERROR]: {path}: Incorrect base64 content: {error}"))
    })
}

/// The words after `kubeadm` in the first command line that `runcmd` leads to: itself, or through files it names.
fn run(config: &Value, files: &Files) -> Result<Option<Vec<String>>, Failure> {
    let commands = match &config["runcmd"] {
        Value::Null => return Ok(None),
        Value::Array(commands) => commands,
        _ => return Err(failed("cc_runcmd.py[WARNING]: Failed to shellify runcmd: not a list")),
    };
    let mut seen = Vec::new();
    for command in commands {
        let line = match command {
            Value::String(line) => line.clone(),
            Value::Array(words) if words.iter().all(|word| word.is_string() || word.is_number()) => {
                let words: Vec<String> = words
                    .iter()
                    .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
                    .collect();
                words.join(" ")
            }
            _ => {
                return Err(failed(
                    "cc_runcmd.py[WARNING]: Failed to shellify runcmd: Unable to shellify type, must be a list or string",
                ));
            }
        };
        if let Some(found) = follow("runcmd", &line, files, &mut seen)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Follows a script to kubeadm: a file whose path the text names, or that lies in a folder it goes through (`/x/*.sh`).
/// On the way there it may meet a command that is bound to fail.
fn follow(
    name: &str,
    script: &str,
    files: &Files,
    seen: &mut Vec<String>,
) -> Result<Option<Vec<String>>, Failure> {
    for (number, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        if let Some(words) = kubeadm(line) {
            return Ok(Some(words));
        }
        if is_bound_to_fail(line) {
            return Err(Failure(vec![
                format!("{name}: line {}: {line}: ended with status 1", number + 1),
                "util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/runcmd [1]".to_owned(),
            ]));
        }
        for word in line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '(' | ')')) {
            let matching: Vec<&String> = match word.split_once('*') {
                Some((head, tail)) if head.starts_with('/') => files
                    .keys()
                    .filter(|path| {
                        path.starts_with(head) && path.ends_with(tail) && !path[head.len()..].contains('/')
                    })
                    .collect(),
                _ => files.keys().filter(|path| *path == word).collect(),
            };
            for path in matching {
                if !seen.contains(path) {
                    seen.push(path.clone());
                    if let Some(found) = follow(path, &files[path], files, seen)? {
                        return Ok(Some(found));
                    }
                }
            }
        }
    }
    Ok(None)
}

/// The only program that is run here is `false`: alone on a line, or as the last word given to what runs it.
fn is_bound_to_fail(line: &str) -> bool {
    line == "false" || line.ends_with(" 'false'") || line.ends_with(" \"false\"")
}

/// The words after `kubeadm` when a line runs `kubeadm init` or `kubeadm join`.
fn kubeadm(line: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';'))
        .filter(|w| !w.is_empty())
        .collect();
    let at = words.windows(2).position(|pair| {
        (pair[0] == "kubeadm" || pair[0].ends_with("/kubeadm")) && matches!(pair[1], "init" | "join")
    })?;
    Some(words[at + 1..].iter().map(|word| (*word).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::read;

    const DOCUMENT: &str = "#cloud-config\nwrite_files:\n- path: /run/boot.sh\n  permissions: '0700'\n  content: |\n    for step in /run/steps/*.sh; do bash \"$step\"; done\n- path: /run/steps/30-kubeadm.sh\n  encoding: b64\n  content: a3ViZWFkbSBpbml0IC0tY29uZmlnIC9ydW4va3ViZWFkbS55YW1sCg==\nruncmd:\n- [bash, /run/boot.sh]\n";

    #[test]
    fn a_command_leads_through_files_to_kubeadm_packed_or_not() {
        let plain = read(DOCUMENT.as_bytes()).expect("cloud-config");
        assert_eq!(
            plain.kubeadm.as_deref().map(|words| words.join(" ")).as_deref(),
            Some("init --config /run/kubeadm.yaml")
        );
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(DOCUMENT.as_bytes()).expect("packed");
        assert_eq!(read(&packer.finish().expect("packed")).expect("gzip"), plain);
    }

    #[test]
    fn what_cloud_init_refuses_is_refused_in_its_words() {
        let lines = |document: &str| read(document.as_bytes()).expect_err("refused").0;
        assert!(lines("#!/bin/sh\n")[0].contains("Unhandled non-multipart"));
        assert!(lines("#cloud-config\na: [1\nb: 2\n")[0].contains("Failed loading yaml blob"));
        assert!(
            lines("#cloud-config\nwrite_files:\n- content: x\n")[0].contains("'path' is a required property")
        );
        assert!(
            lines("#cloud-config\nwrite_files:\n- path: /x\n  encoding: b64\n  content: '!'\n")[0]
                .contains("Incorrect base64")
        );
        assert!(read(&STANDARD.decode("H4sI").expect("base64")).is_err(), "cut off gzip");
    }

    #[test]
    fn without_a_command_that_leads_there_kubeadm_never_runs() {
        let document = DOCUMENT.replace("/run/boot.sh]", "/run/other.sh]");
        assert_eq!(read(document.as_bytes()).expect("cloud-config").kubeadm, None);
    }
}

//! Commands run in containers: `etcdctl` in etcd's pods, nothing else.

use serde_json::{Value, json};

use super::Cluster;
use super::etcd::{Etcd, Refusal};

/// What a command leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit status.
    pub(crate) exit: i32,
}

impl Output {
    fn failed(stderr: String, exit: i32) -> Self {
        Self { stderr, exit, ..Self::default() }
    }
}

/// Runs a command in a container of a pod that exists. Only etcd's own tool is known.
pub(crate) fn exec(
    cluster: &mut Cluster,
    namespace: &str,
    pod: &str,
    container: &str,
    argv: &[String],
    now_ms: u64,
) -> Output {
    let program = argv.first().map_or("", String::as_str);
    let node =
        pod.strip_prefix("etcd-").filter(|_| namespace == "kube-system" && matches!(container, "" | "etcd"));
    let name = program.rsplit('/').next().unwrap_or("");
    let Some(node) = node.filter(|_| name == "etcdctl") else {
        return Output::failed(format!("exec: \"{program}\": executable file not found in $PATH\n"), 127);
    };
    // Work on a copy: what only looks leaves nothing to record.
    let mut etcd = cluster.control().etcd.clone();
    let output = etcdctl(&mut etcd, node, &argv[1..], now_ms);
    if etcd != cluster.control().etcd {
        cluster.control_mut().etcd = etcd;
        cluster.agenda.is_woken = true;
    }
    output
}

/// What etcdctl is told, less the flags for certificates.
struct Command<'a> {
    words: Vec<&'a str>,
    is_json: bool,
    is_for_all: bool,
}

fn parse(argv: &[String]) -> Command<'_> {
    let mut command = Command { words: Vec::new(), is_json: false, is_for_all: false };
    let mut rest = argv.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        match flag {
            "--cluster" => command.is_for_all = true,
            "--hex" | "--debug" | "--insecure-skip-tls-verify" | "--insecure-transport" => {}
            "-w" | "--write-out" => command.is_json = value.or_else(|| rest.next()) == Some("json"),
            _ if flag.starts_with('-') => {
                if value.is_none() {
                    rest.next();
                }
            }
            _ => command.words.push(word),
        }
    }
    command
}

/// Runs etcdctl against the member of a node.
fn etcdctl(etcd: &mut Etcd, node: &str, argv: &[String], now: u64) -> Output {
    let command = parse(argv);
    let refused = |refusal: Refusal| {
        let text = match refusal {
            Refusal::Timeout => "context deadline exceeded".to_owned(),
            refusal => {
                let code = if refusal == Refusal::NotFound { "NotFound" } else { "FailedPrecondition" };
                let code = if refusal == Refusal::Unhealthy { "Unavailable" } else { code };
                format!("rpc error: code = {code} desc = {refusal}")
            }
        };
        let level = json!({ "level": "warn", "ts": super::moment(now), "logger": "etcd-client", "caller": "v3/retry_interceptor.go:63", "msg": "retrying of unary invoker failed", "error": text });
        Output::failed(
            format!(
                "{level}\nError: {}\n",
                if refusal == Refusal::Timeout { text.clone() } else { refusal.to_string() }
            ),
            1,
        )
    };
    if !etcd.members.get(node).is_some_and(|member| member.is_running) || !etcd.has_quorum() {
        return refused(Refusal::Timeout);
    }
    let id = |text: Option<&&str>| text.and_then(|text| u64::from_str_radix(text, 16).ok());
    match command.words.as_slice() {
        ["member", "list"] => answer(&command, members(etcd, node), simple(etcd)),
        ["member", "remove", rest @ ..] => match id(rest.first()) {
            None => Output::failed(
                format!("Error: bad member ID arg ({}), expecting ID in Hex\n", bad_id(rest)),
                128,
            ),
            Some(id) => match etcd.remove(id, now) {
                Ok(_) => answer(
                    &command,
                    members(etcd, node),
                    format!("Member {id:16x} removed from cluster {:16x}\n", etcd.cluster_id),
                ),
                Err(refusal) => refused(refusal),
            },
        },
        ["member", "promote", rest @ ..] => match id(rest.first()) {
            None => Output::failed(
                format!("Error: bad member ID arg ({}), expecting ID in Hex\n", bad_id(rest)),
                128,
            ),
            Some(id) => match etcd.promote(id) {
                Ok(()) => answer(
                    &command,
                    members(etcd, node),
                    format!("Member {id:16x} promoted in cluster {:16x}\n", etcd.cluster_id),
                ),
                Err(refusal) => refused(refusal),
            },
        },
        ["move-leader", rest @ ..] => {
            let Some(to) = id(rest.first()) else {
                return Output::failed("Error: move-leader command needs 1 argument\n".to_owned(), 128);
            };
            let from = etcd
                .leader
                .as_ref()
                .and_then(|leader| etcd.members.get(leader))
                .map_or(0, |member| member.id);
            match etcd.move_leader(node, to) {
                Ok(_) => Output {
                    stdout: format!("Leadership transferred from {from:16x} to {to:16x}\n"),
                    ..Output::default()
                },
                Err(Refusal::NotLeader) => {
                    Output::failed("Error: no leader endpoint given at [127.0.0.1:2379]\n".to_owned(), 128)
                }
                Err(refusal) => refused(refusal),
            }
        }
        ["endpoint", "status"] => {
            let shown: Vec<Value> = endpoints(etcd, node, command.is_for_all)
                .map(|name| status(etcd, name, command.is_for_all))
                .collect();
            let text = shown
                .iter()
                .map(|one| {
                    format!(
                        "{}, {:x}, 3.6.5, 25 MB, {}, false, {}\n",
                        one["Endpoint"].as_str().unwrap_or(""),
                        one["Status"]["header"]["member_id"].as_u64().unwrap_or(0),
                        one["Status"]["leader"] == one["Status"]["header"]["member_id"],
                        etcd.term
                    )
                })
                .collect();
            answer(&command, Value::Array(shown), text)
        }
        ["endpoint", "health"] => {
            let shown: Vec<Value> = endpoints(etcd, node, command.is_for_all)
                .map(|name| health(etcd, name, command.is_for_all))
                .collect();
            let is_well = shown.iter().all(|one| one["health"] == true);
            let text = shown
                .iter()
                .map(|one| {
                    format!(
                        "{} is {}\n",
                        one["endpoint"].as_str().unwrap_or(""),
                        if one["health"] == true {
                            "healthy: successfully committed proposal: took = 4.1ms"
                        } else {
                            "unhealthy: failed to commit proposal: context deadline exceeded"
                        }
                    )
                })
                .collect();
            let mut output = answer(&command, Value::Array(shown), text);
            if !is_well {
                output.stderr = "Error: unhealthy cluster\n".to_owned();
                output.exit = 1;
            }
            output
        }
        ["alarm", "list"] => {
            answer(&command, json!({ "header": header(etcd, node), "alarms": null }), String::new())
        }
        ["version"] => {
            Output { stdout: "etcdctl version: 3.6.5\nAPI version: 3.6\n".to_owned(), ..Output::default() }
        }
        words => {
            Output::failed(format!("Error: unknown command \"{}\" for \"etcdctl\"\n", words.join(" ")), 1)
        }
    }
}

fn bad_id<'a>(rest: &[&'a str]) -> &'a str {
    rest.first().copied().unwrap_or("")
}

fn answer(command: &Command<'_>, value: Value, text: String) -> Output {
    let stdout = if command.is_json { format!("{value}\n") } else { text };
    Output { stdout, ..Output::default() }
}

fn header(etcd: &Etcd, node: &str) -> Value {
    let id = etcd.members.get(node).map_or(0, |member| member.id);
    json!({ "cluster_id": etcd.cluster_id, "member_id": id, "raft_term": etcd.term })
}

/// Members in the order of their ids, as etcd lists them. A learner that has not started has no name yet.
fn members(etcd: &Etcd, node: &str) -> Value {
    let mut list: Vec<_> = etcd.members.iter().collect();
    list.sort_by_key(|(_, member)| member.id);
    let list: Vec<Value> = list
        .into_iter()
        .map(|(name, member)| {
            let mut shown = json!({ "ID": member.id, "name": "", "peerURLs": [format!("https://{}:2380", member.address)], "clientURLs": null });
            if member.has_started {
                shown["name"] = json!(name);
                shown["clientURLs"] = json!([format!("https://{}:2379", member.address)]);
            }
            if member.is_learner {
                shown["isLearner"] = json!(true);
            }
            shown
        })
        .collect();
    json!({ "header": header(etcd, node), "members": list })
}

fn simple(etcd: &Etcd) -> String {
    let mut list: Vec<_> = etcd.members.iter().collect();
    list.sort_by_key(|(_, member)| member.id);
    let line = |(name, member): (&String, &super::etcd::Member)| {
        let (state, name) = if member.has_started { ("started", name.as_str()) } else { ("unstarted", "") };
        format!(
            "{:x}, {state}, {name}, https://{}:2380, https://{}:2379, {}\n",
            member.id, member.address, member.address, member.is_learner
        )
    };
    list.into_iter().map(line).collect()
}

fn endpoints<'e>(etcd: &'e Etcd, node: &'e str, is_for_all: bool) -> impl Iterator<Item = &'e str> {
    let all = etcd.members.keys().map(String::as_str).filter(move |_| is_for_all);
    let own = (!is_for_all).then_some(node);
    own.into_iter().chain(all)
}

fn endpoint(etcd: &Etcd, name: &str, is_for_all: bool) -> String {
    match etcd.members.get(name).filter(|_| is_for_all) {
        Some(member) => format!("https://{}:2379", member.address),
        None => "https://127.0.0.1:2379".to_owned(),
    }
}

fn status(etcd: &Etcd, name: &str, is_for_all: bool) -> Value {
    let leader =
        etcd.leader.as_ref().and_then(|leader| etcd.members.get(leader)).map_or(0, |member| member.id);
    let mut shown = json!({
        "header": header(etcd, name), "version": "3.6.5", "dbSize": 25_165_824, "dbSizeInUse": 12_582_912, "leader": leader,
        "raftIndex": 4242, "raftTerm": etcd.term, "raftAppliedIndex": 4242, "storageVersion": "3.6.0",
    });
    shown["header"]["revision"] = json!(4000);
    if etcd.members.get(name).is_some_and(|member| member.is_learner) {
        shown["isLearner"] = json!(true);
    }
    json!({ "Endpoint": endpoint(etcd, name, is_for_all), "Status": shown })
}

fn health(etcd: &Etcd, name: &str, is_for_all: bool) -> Value {
    let is_well = etcd.members.get(name).is_some_and(|member| member.is_running);
    let mut shown = json!({ "endpoint": endpoint(etcd, name, is_for_all), "health": is_well, "took": if is_well { "4.1ms" } else { "5.0s" } });
    if !is_well {
        shown["error"] = json!("context deadline exceeded");
    }
    shown
}

//! The API of a cluster through Azure's Run Command: for a private API that this machine has no line of sight to.
//!
//! A request becomes a shell script that a control-plane node runs as root: `curl` to the node's own API server, signed
//! in with kubeadm's `admin.conf`. Azure keeps only the last 4,096 bytes that a script writes, so the answer stays on the
//! node, compressed, and is fetched piece by piece. There are no watches, and commands in containers go through the
//! node's container runtime.
//!
//! No credentials are in a script, but its request is, with all that is in it: tokens of nodes that join, Secrets of
//! add-ons. The agent of the machine writes a script to a file before it runs it and never removes it, so the script
//! removes it first of all, and what its predecessors wrote with it. The request and the answer lie in `/run`, which is
//! no disk, until the answer is fetched; what was cut off goes when another script runs after a quarter of an hour. What
//! stays is what the agent says of the last script, the end of what that wrote, readable for root as all of it was.
//!
//! A machine that does not do it is asked last from then on, and what may be sent again is sent to the next one.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use http::{Method, Request, Response, header};
use kube::client::Body;
use lazuli_core::resource::ResourceId;

use super::clusters::Clock;
use super::exec::{Exec, ExecError, Finished};
use super::retry::{failed_inside, repeatable};
use crate::keyring::ClusterId;

/// How many characters of an answer one run brings: Azure keeps 4,096 bytes, and some are ours.
const PIECE: usize = 3_800;

/// How many characters of a request one run takes.
const UPLOAD: usize = 60_000;

/// The most an answer may have, unpacked.
const LARGEST: u64 = 64 << 20;

/// How many seconds after it was sent a script may still begin, by the clock of the machine, which is not quite ours. An
/// agent that hung for an hour does everything then that had been given up, and nobody wants that any more.
const BEGINS_WITHIN: i64 = 15 * 60;

/// What a script says that began too late.
const LATE: &str = "lazuli-late";

/// Runs scripts on virtual machines.
#[async_trait::async_trait]
pub trait RunCommand: Send + Sync {
    /// The virtual machines of a cluster's control plane, the best one first.
    async fn machines(&self, cluster: &ClusterId) -> Vec<ResourceId>;

    /// Runs a script with `sh` as root and returns the end of what it wrote to its standard output: at least the last
    /// 4,000 bytes. Azure runs one script at a time on a machine: whoever implements this lets the others wait.
    ///
    /// # Errors
    /// When it did not run, or nobody knows. It must not wait for a silent machine for ever.
    async fn run(&self, machine: &ResourceId, script: &str) -> Result<String, RunCommandError>;

    /// From now on [`machines`](Self::machines) names this one after all that it has not been told of: it did not run a
    /// script, or its API server cannot answer.
    fn put_last(&self, machine: &ResourceId);
}

/// Why a script did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunCommandError {
    /// It certainly did not: the machine is off, or Azure refused.
    #[error("{0}")]
    NotRun(String),
    /// It may have.
    #[error("{0}")]
    Unknown(String),
}

/// The way through Run Command to one cluster.
#[derive(Clone)]
pub(super) struct Tunnel {
    run: Arc<dyn RunCommand>,
    cluster: ClusterId,
    /// Where the API servers listen on their machines.
    port: u16,
    now: Clock,
    /// Where the node's files are: `/`, but in tests.
    root: Arc<str>,
    next: Arc<AtomicU64>,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tunnel({})", self.cluster)
    }
}

/// What a script brought back: two numbers and bytes.
#[derive(Debug)]
struct Brought {
    numbers: (i32, usize),
    bytes: Vec<u8>,
}

impl Tunnel {
    pub(super) fn new(run: Arc<dyn RunCommand>, cluster: ClusterId, port: u16, now: Clock) -> Self {
        // Scripts of two runs at the same time must not share files.
        let first = u64::from(std::process::id()) << 32;
        Tunnel { run, cluster, port, now, root: "".into(), next: Arc::new(AtomicU64::new(first)) }
    }

    /// A client whose requests go through the tunnel.
    pub(super) fn client(&self) -> kube::Client {
        let tunnel = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let tunnel = tunnel.clone();
            async move { tunnel.request(request).await }
        });
        kube::Client::new(service, "default")
    }

    async fn request(&self, request: Request<Body>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let url = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        if parts.headers.contains_key(header::UPGRADE) || url.contains("watch=true") {
            return Err(io::Error::new(ErrorKind::Unsupported, "Run Command has no watches and no streams"));
        }
        let body = body.collect_bytes().await.map_err(io::Error::other)?;
        let mut headers = String::new();
        for name in [header::ACCEPT, header::CONTENT_TYPE] {
            if let Some(value) = parts.headers.get(&name).and_then(|value| value.to_str().ok()) {
                headers.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
            }
        }
        let curl = curl(&self.root, self.port, parts.method.as_str(), url, &headers);
        let mut last = Err(unreachable("it has no control-plane machines"));
        for machine in self.run.machines(&self.cluster).await {
            last = self.ask(&machine, &body, &curl).await;
            let (has_failed, another) = match &last {
                Ok(response) => {
                    let status = response.status();
                    (failed_inside(&Method::GET, status), failed_inside(&parts.method, status))
                }
                // What never got there may be asked elsewhere.
                Err(error) => {
                    (true, error.kind() == ErrorKind::ConnectionRefused || repeatable(&parts.method))
                }
            };
            if has_failed {
                self.run.put_last(&machine);
            }
            if !another {
                break;
            }
        }
        last
    }

    async fn ask(&self, machine: &ResourceId, body: &[u8], curl: &str) -> io::Result<Response<Body>> {
        let brought = self.bring(machine, body, curl).await?;
        let (curl_ended, status) = brought.numbers;
        match curl_ended {
            0 => {}
            6 | 7 => return Err(unreachable(&text(&brought.bytes))),
            _ => return Err(io::Error::new(ErrorKind::ConnectionReset, text(&brought.bytes))),
        }
        let status = u16::try_from(status).map_err(io::Error::other)?;
        Response::builder().status(status).body(Body::from(brought.bytes)).map_err(io::Error::other)
    }

    /// Runs `work` on a machine, with `input` in the file `in`, and brings what it leaves in the file `out`.
    async fn bring(&self, machine: &ResourceId, input: &[u8], work: &str) -> io::Result<Brought> {
        let folder = format!("{}/run/lazuli/run-{:x}", self.root, self.next.fetch_add(1, Ordering::Relaxed));
        let mut begin = format!("set -u; umask 077; d={folder}; mkdir -p $d\n");
        let packed = STANDARD.encode(pack(input)?);
        let mut pieces = packed.as_bytes().chunks(UPLOAD).peekable();
        while let Some(piece) = pieces.next() {
            let piece = String::from_utf8_lossy(piece);
            let append = format!("{begin}printf %s {piece} >>$d/in.b64\n");
            if pieces.peek().is_none() {
                begin = append;
            } else {
                self.run(machine, &append).await?;
            }
        }
        let script = format!(
            "{begin}base64 -d $d/in.b64 | gzip -d >$d/in\n{work}\ngzip -c $d/out | base64 | tr -d '\\n' >$d/answer\n{}",
            piece_of(0)
        );
        let mut answer = String::new();
        let mut said = self.run(machine, &script).await?;
        let total = loop {
            let (total, piece) = frame(&said)?;
            answer.push_str(piece);
            if answer.len() >= total || piece.is_empty() {
                break total;
            }
            let more = format!("d={folder}\n{}", piece_of(answer.len()));
            said = self.run(machine, &more).await?;
        };
        if answer.len() != total {
            return Err(io::Error::new(ErrorKind::ConnectionReset, "a piece of the answer is missing"));
        }
        let packed = STANDARD.decode(answer).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        GzDecoder::new(packed.as_slice()).take(LARGEST).read_to_end(&mut bytes)?;
        brought(&bytes).ok_or_else(|| io::Error::other("the answer has no first line"))
    }

    async fn run(&self, machine: &ResourceId, script: &str) -> io::Result<String> {
        let until = (self.now)().unix_timestamp() + BEGINS_WITHIN;
        let said = self.run.run(machine, &format!("{}{script}", begin(until))).await;
        match said {
            Ok(said) if said.trim() == LATE => Err(unreachable(&format!(
                "by the clock of {} the script came more than {} minutes late; look at the clocks of both machines",
                machine.name(),
                BEGINS_WITHIN / 60
            ))),
            Ok(said) => Ok(said),
            Err(RunCommandError::NotRun(reason)) => Err(unreachable(&reason)),
            Err(RunCommandError::Unknown(reason)) => Err(io::Error::new(ErrorKind::ConnectionReset, reason)),
        }
    }
}

#[async_trait::async_trait]
impl Exec for Tunnel {
    /// The machine has the pod's name without the container's: `etcd-prod-1` runs on `prod-1`.
    async fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Result<Finished, ExecError> {
        let broken = |reason: String| ExecError::Broken {
            pod: pod.to_owned(),
            command: command.iter().take(1).copied().collect(),
            reason,
        };
        let node = pod.strip_prefix(container).and_then(|rest| rest.strip_prefix('-')).unwrap_or(pod);
        let machines = self.run.machines(&self.cluster).await;
        let machine = machines.iter().find(|machine| machine.name().eq_ignore_ascii_case(node));
        let machine = machine.ok_or_else(|| broken(format!("{node} is no machine of the control plane")))?;
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        let work = crictl(container, &words.join(" "));
        let brought = self.bring(machine, &[], &work).await.map_err(|e| {
            self.run.put_last(machine);
            broken(e.to_string())
        })?;
        let (ended, length) = brought.numbers;
        let (stdout, stderr) = brought.bytes.split_at_checked(length).unwrap_or((&brought.bytes, &[]));
        let failure = (ended != 0).then(|| format!("command terminated with exit code {ended}"));
        Ok(Finished { stdout: text(stdout), stderr: text(stderr), failure })
    }
}

/// How every script begins: without its own file, nor the answers of earlier ones beside it, and not at all when it begins
/// too late. A shell has its script open, so it can go on without the file.
fn begin(until: i64) -> String {
    format!(
        r#"[ "$0" = "${{0%/script.sh}}" ] || {{ rm -f "$0"
find "${{0%/*}}/.." -mindepth 2 -maxdepth 2 -name stdout -exec grep -q '^lazuli:' {{}} \; -exec rm -f {{}} + 2>/dev/null; }}
[ "$(date +%s)" -lt {until} ] || {{ echo {LATE}; exit 0; }}
"#
    )
}

/// Sends `in` to the node's own API server. Its certificate always has the name `kubernetes`, whatever the cluster's is.
fn curl(root: &str, port: u16, method: &str, url: &str, headers: &str) -> String {
    let conf = format!("{root}/etc/kubernetes/admin.conf");
    let ca = format!("{root}/etc/kubernetes/pki/ca.crt");
    let url = quoted(&format!("https://kubernetes:{port}{url}"));
    format!(
        r#"for x in certificate key; do sed -n "s/^ *client-$x-data: *//p" {conf} | base64 -d >$d/$x; done
code=$(curl -sS --max-time 80 --resolve kubernetes:{port}:127.0.0.1 --cacert {ca} --cert $d/certificate --key $d/key \
  -X {method}{headers} --data-binary @$d/in -o $d/body -w '%{{http_code}}' {url} 2>$d/error); ended=$?
[ $ended = 0 ] || {{ code=0; cp $d/error $d/body; }}
{{ echo "$ended $code"; cat $d/body; }} >$d/out
rm -f $d/certificate $d/key"#
    )
}

/// Runs a command in a running container.
fn crictl(container: &str, command: &str) -> String {
    format!(
        r#"c="crictl --runtime-endpoint unix:///run/containerd/containerd.sock"
id=$($c ps -q --state Running --name '^{container}$' | head -n 1)
$c exec "$id" {command} >$d/stdout 2>$d/stderr; ended=$?
{{ echo "$ended $(wc -c <$d/stdout)"; cat $d/stdout $d/stderr; }} >$d/out"#
    )
}

/// Writes the length of the answer and the piece that begins after `from` characters; the last piece takes the files away,
/// and those that an earlier run left.
fn piece_of(from: usize) -> String {
    format!(
        "n=$(wc -c <$d/answer); echo \"lazuli:$((n)):$(tail -c +{} $d/answer | head -c {PIECE}):\"\n\
         [ $((n)) -gt {} ] || rm -rf $d\n\
         find ${{d%/*}} -maxdepth 1 -name 'run-*' -mmin +15 -exec rm -rf {{}} + 2>/dev/null; true\n",
        from + 1,
        from + PIECE,
    )
}

/// The length and the piece of what [`piece_of`] wrote.
fn frame(said: &str) -> io::Result<(usize, &str)> {
    let found = said.rsplit_once("lazuli:").and_then(|(_, rest)| {
        let (total, rest) = rest.split_once(':')?;
        let (piece, _) = rest.split_once(':')?;
        Some((total.parse().ok()?, piece))
    });
    found.ok_or_else(|| {
        let end: String = said.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
        io::Error::new(
            ErrorKind::ConnectionReset,
            format!("the script on the node was cut short: {}", end.trim()),
        )
    })
}

fn brought(bytes: &[u8]) -> Option<Brought> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let (first, second) = line.split_once(' ')?;
    let numbers = (first.parse().ok()?, second.trim().parse().ok()?);
    Some(Brought { numbers, bytes: bytes[end + 1..].to_vec() })
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    GzEncoder::new(bytes, Compression::best()).read_to_end(&mut packed)?;
    Ok(packed)
}

/// For the shell, as one word.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn unreachable(reason: &str) -> io::Error {
    io::Error::new(ErrorKind::ConnectionRefused, reason.to_owned())
}

#[cfg(test)]
mod tests;

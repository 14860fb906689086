//! Who logs in to a machine of a cluster finds kubeadm's files, `curl` and `crictl`.
//!
//! Only what programs on a machine can see: the API server and the containers of the same machine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::auth::User;
use super::machine::Kubelet;
use super::reply::Reply;
use super::status::Refusal;
use crate::random;
use crate::request::{Method, Request};
use crate::shell::{Files, Machine, Ran};
use crate::world::World;

/// A machine on which somebody is root.
pub(crate) struct Login<'w> {
    pub(crate) world: &'w mut World,
    /// The machine's key.
    pub(crate) machine: String,
    pub(crate) now_ms: u64,
}

/// What is in the client certificate of a node's `admin.conf`: not a certificate, since nothing here looks into it.
fn admin_certificate(node: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\nkubernetes-admin of {node}\n-----END CERTIFICATE-----\n")
}

fn admin_key(node: &str) -> String {
    format!("-----BEGIN EC PRIVATE KEY-----\nkubernetes-admin of {node}\n-----END EC PRIVATE KEY-----\n")
}

impl Machine for Login<'_> {
    fn file(&self, path: &str) -> Option<Vec<u8>> {
        let kubelet = self.kubelet()?;
        let cluster = self.world.clusters.get(&kubelet.host)?;
        match path {
            "/etc/kubernetes/pki/ca.crt" => {
                let (control, of_cluster) = (cluster.control(), &cluster.control().ca_pem);
                let own = control.servers.get(&kubelet.name).map(|leaf| leaf.authorities(of_cluster));
                Some(own.unwrap_or(of_cluster).to_owned().into_bytes())
            }
            "/etc/kubernetes/admin.conf" if kubelet.is_control_plane => {
                let (certificate, key) = (admin_certificate(&kubelet.name), admin_key(&kubelet.name));
                let config = format!(
                    "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://{}:{}\n  \
                     name: kubernetes\nusers:\n- name: kubernetes-admin\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
                    STANDARD.encode(&cluster.control().ca_pem),
                    kubelet.host,
                    kubelet.port,
                    STANDARD.encode(certificate),
                    STANDARD.encode(key),
                );
                Some(config.into_bytes())
            }
            _ => None,
        }
    }

    fn program(&mut self, words: &[String], files: &mut Files) -> Option<Ran> {
        let (name, arguments) = words.split_first()?;
        match name.as_str() {
            "date" if *arguments == ["+%s"] => Some(Ran::wrote(format!("{}\n", self.now_ms / 1000))),
            "curl" => Some(self.curl(arguments, files)),
            "crictl" => {
                let kubelet = self.kubelet()?;
                Some(self.crictl(&kubelet, arguments))
            }
            _ => None,
        }
    }
}

/// What curl is told.
#[derive(Default)]
struct Curl<'a> {
    method: Option<&'a str>,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a str>,
    resolve: Vec<&'a str>,
    authority: &'a str,
    certificate: &'a str,
    key: &'a str,
    output: Option<&'a str>,
    write: &'a str,
    url: &'a str,
}

impl<'a> Curl<'a> {
    fn of(arguments: &'a [String]) -> Option<Self> {
        let mut curl = Curl::default();
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            match word {
                "-sS" | "-s" | "--silent" => {}
                "--max-time" => _ = rest.next()?,
                "-X" => curl.method = rest.next(),
                "-H" => curl.headers.push(rest.next()?.split_once(": ")?),
                "--data-binary" => curl.body = rest.next()?.strip_prefix('@'),
                "--resolve" => curl.resolve.push(rest.next()?),
                "--cacert" => curl.authority = rest.next()?,
                "--cert" => curl.certificate = rest.next()?,
                "--key" => curl.key = rest.next()?,
                "-o" => curl.output = rest.next(),
                "-w" => curl.write = rest.next()?,
                url if url.starts_with("https://") => curl.url = url,
                _ => return None,
            }
        }
        Some(curl)
    }
}

impl Login<'_> {
    fn kubelet(&self) -> Option<Kubelet> {
        self.world.get(&self.machine)?.machine.as_ref()?.node.clone()
    }

    /// One request to the API server of this machine.
    fn curl(&mut self, arguments: &[String], files: &mut Files) -> Ran {
        let Some(curl) = Curl::of(arguments) else {
            return Ran::failed(2, "curl: option: is unknown\n");
        };
        let (place, path) = curl.url.trim_start_matches("https://").split_once('/').unwrap_or((curl.url, ""));
        let (host, port) = place.split_once(':').unwrap_or((place, "443"));
        let here = format!("{host}:{port}:127.0.0.1");
        if !curl.resolve.contains(&here.as_str()) {
            return Ran::failed(6, &format!("curl: (6) Could not resolve host: {host}\n"));
        }
        let kubelet = self.kubelet().filter(|kubelet| kubelet.port.to_string() == port);
        let serves = |kubelet: &Kubelet| {
            let cluster = self.world.clusters.get(&kubelet.host);
            kubelet.promote_ms.is_none()
                && cluster.is_some_and(|cluster| cluster.control().servers.contains_key(&kubelet.name))
        };
        let Some(kubelet) = kubelet.filter(serves) else {
            let said = format!(
                "curl: (7) Failed to connect to {host} port {port} after 0 ms: Couldn't connect to server\n"
            );
            return Ran::failed(7, &said);
        };
        let read = |path: &str| files.get(path).cloned().or_else(|| self.file(path));
        if read(curl.authority) != self.file("/etc/kubernetes/pki/ca.crt") {
            return Ran::failed(
                60,
                "curl: (60) SSL certificate problem: unable to get local issuer certificate\n",
            );
        }
        let user = match (read(curl.certificate), read(curl.key)) {
            (None, None) if curl.certificate.is_empty() => User::anonymous(),
            (Some(certificate), Some(key))
                if certificate == admin_certificate(&kubelet.name).into_bytes()
                    && key == admin_key(&kubelet.name).into_bytes() =>
            {
                User::admin()
            }
            _ => return Ran::failed(58, "curl: (58) unable to set private key file\n"),
        };
        let body = curl.body.and_then(read).unwrap_or_default();
        let method = curl.method.unwrap_or(if body.is_empty() { "GET" } else { "POST" });
        let Some(method) = Method::parse(method) else {
            return Ran::failed(3, "curl: (3) bad method\n");
        };
        let mut request = Request::new(method, &format!("/{path}"));
        for (name, value) in &curl.headers {
            request = request.with_header(name, value);
        }
        request.body = body;
        let Some(cluster) = self.world.clusters.get_mut(&kubelet.host) else { return Ran::default() };
        let members = &cluster.control().etcd.members;
        let has_etcd = members.is_empty() || members.get(&kubelet.name).is_some_and(|own| own.is_running);
        let reply = match has_etcd {
            true => super::handle(cluster, &request, &user, self.now_ms),
            false => Refusal::without_etcd().into(),
        };
        if method.mutates() {
            self.world.advance(self.now_ms);
        }
        let Reply::Answer { status, body } = reply else {
            return Ran::failed(28, "curl: (28) Operation timed out with 0 bytes received\n");
        };
        let mut stdout = Vec::new();
        match curl.output {
            Some(path) => _ = files.insert(path.to_owned(), body.bytes()),
            None => stdout = body.bytes(),
        }
        stdout.extend(curl.write.replace("%{http_code}", &format!("{status:03}")).into_bytes());
        Ran::wrote(stdout)
    }

    /// `crictl ps -q … --name '^etcd$'` and `crictl exec ID COMMAND`, of the containers of static pods.
    fn crictl(&mut self, kubelet: &Kubelet, arguments: &[String]) -> Ran {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let words = match words.as_slice() {
            ["--runtime-endpoint", _, rest @ ..] => rest,
            all => all,
        };
        let id = |container: &str| random::guid_of(&["container", &kubelet.name, container]).replace('-', "");
        let cluster = self.world.clusters.get_mut(&kubelet.host);
        let Some(cluster) = cluster.filter(|_| kubelet.is_control_plane) else { return Ran::default() };
        match words {
            ["ps", "-q", options @ ..] => {
                let name = options.windows(2).find(|pair| pair[0] == "--name").map_or("", |pair| pair[1]);
                let name = name.trim_start_matches('^').trim_end_matches('$');
                let runs = cluster.control().etcd.members.get(&kubelet.name).is_some_and(|m| m.is_running);
                Ran::wrote(if name == "etcd" && runs { format!("{}\n", id(name)) } else { String::new() })
            }
            ["exec", container, command @ ..] if *container == id("etcd") => {
                let argv: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
                let pod = format!("etcd-{}", kubelet.name);
                let output = super::exec(cluster, "kube-system", &pod, "etcd", &argv, self.now_ms);
                self.world.advance(self.now_ms);
                Ran {
                    stdout: output.stdout.into_bytes(),
                    stderr: output.stderr.into_bytes(),
                    status: output.exit,
                }
            }
            ["exec", container, ..] => Ran::failed(
                1,
                &format!("FATA[0000] execing command in container: container {container:?} not found\n"),
            ),
            _ => Ran::failed(1, "crictl: not known here\n"),
        }
    }
}

/// Runs a script as root on a machine that runs; files that it leaves are there for the next one.
pub(crate) fn run_as_root(world: &mut World, machine: &str, script: &str, now_ms: u64) -> Ran {
    let kept = world.get(machine).and_then(|found| found.machine.as_ref()).map(|found| found.files.clone());
    let decoded = |(path, text): (String, String)| Some((path, STANDARD.decode(text).ok()?));
    let before = kept.unwrap_or_default();
    let mut files: Files = before.clone().into_iter().filter_map(decoded).collect();
    let mut login = Login { world, machine: machine.to_owned(), now_ms };
    // Where the agent writes a script before it runs it; taking it away again is up to the script.
    let named = |number: usize| format!("/var/lib/waagent/run-command/download/{number}/script.sh");
    let name = (0..).map(named).find(|name| !files.contains_key(name)).unwrap_or_default();
    files.insert(name.clone(), script.as_bytes().to_vec());
    let ran = crate::shell::run(&name, script, &mut login, &mut files);
    let after = files.into_iter().map(|(path, bytes)| (path, STANDARD.encode(bytes))).collect();
    if before != after {
        world.edit(machine, |resource| {
            if let Some(machine) = resource.machine.as_mut() {
                machine.files = after;
            }
        });
    }
    ran
}

//! Signing in with what others are signed in to: the Azure CLI, the Azure Developer CLI; and where each cloud's requests
//! go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use lazuli_simulator::{Credentials, Method, Request, Settings, World, handle};

use crate::accounts::{APPLICATION, Azure, SECRET, SUBSCRIPTION, TENANT};
use crate::workbench::Workbench;

/// A token that a simulated Azure with the usual secret takes.
fn token() -> String {
    let credentials = Credentials {
        tenant: TENANT.to_owned(),
        subscription: SUBSCRIPTION.to_owned(),
        client_id: APPLICATION.to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let mut world = World::new(credentials, 0);
    let mut request = Request::new(Method::Post, &format!("/{TENANT}/oauth2/v2.0/token"));
    request.body =
        format!("grant_type=client_credentials&client_id={APPLICATION}&client_secret={SECRET}").into_bytes();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let answer = handle(&mut world, &Settings::default(), &request, u64::try_from(now).unwrap());
    answer.value()["access_token"].as_str().unwrap().to_owned()
}

/// A program of that name, before all others, that notes how it was called and says what is to be said.
fn program(bench: &mut Workbench, name: &str, says: &str, status: u8) {
    let folder = bench.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let (calls, file) = (bench.path(&format!("{name}.calls")), folder.join(name));
    let said = folder.join(format!("{name}.json"));
    std::fs::write(&said, says).unwrap();
    let script =
        format!("#!/bin/sh\necho \"$*\" >>'{}'\ncat '{}'\nexit {status}\n", calls.display(), said.display());
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.set("PATH", &format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
}

fn az(token: &str) -> String {
    format!(
        r#"{{"accessToken": "{token}", "expires_on": 4102444800, "tokenType": "Bearer", "tenant": "{TENANT}"}}"#
    )
}

/// Listens on loopback; notes the first line of every request, and answers with the same.
fn listener(answer: String) -> (u16, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = stream.unwrap();
            if let Some(first) =
                BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok).next()
            {
                notes.lock().unwrap().push(first);
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, heard)
}

fn signs_in(bench: &Workbench, name: &str) {
    let ran = bench.does(&format!("account validate {name} --json"));
    let report = &ran.document()["accounts"][0];
    assert_eq!(report["subscription"]["state"], "Enabled", "{name}: {ran}");
    assert_eq!(report["principal"]["application_id"], APPLICATION, "{name}: {ran}");
}

#[test]
fn whoever_is_signed_in_to_the_azure_cli_is_signed_in() {
    let mut bench = Workbench::new();
    let azure = Azure::new(&bench);
    program(&mut bench, "az", &az(&token()), 0);
    azure.add(&bench, "cli", "--auth azure_cli");
    signs_in(&bench, "cli");
    let calls = bench.text("az.calls");
    assert!(calls.starts_with("account get-access-token -o json --scope https://localhost:"), "{calls}");
    program(&mut bench, "az", "", 1);
    let ran = bench.run("account validate cli");
    assert_eq!(ran.status, Some(1), "{ran}");
    assert!(!ran.to_string().contains(&token()[..20]), "{ran}");
}

#[test]
fn developer_tools_are_the_azure_cli_or_else_the_developer_cli() {
    let mut bench = Workbench::new();
    let azure = Azure::new(&bench);
    program(&mut bench, "az", "not signed in", 1);
    program(
        &mut bench,
        "azd",
        &format!(r#"{{"token": "{}", "expiresOn": "2099-01-01T00:00:00Z"}}"#, token()),
        0,
    );
    azure.add(&bench, "tools", "--auth developer_tools");
    signs_in(&bench, "tools");
    assert!(bench.text("azd.calls").starts_with("auth token -o json"), "{}", bench.text("azd.calls"));
}

#[test]
fn each_cloud_is_asked_at_its_own_addresses() {
    for (environment, authority, manager) in [
        ("public", "login.microsoftonline.com", "management.azure.com"),
        ("usgovernment", "login.microsoftonline.us", "management.usgovcloudapi.net"),
        ("china", "login.chinacloudapi.cn", "management.chinacloudapi.cn"),
    ] {
        let mut bench = Workbench::new();
        let (port, heard) =
            listener("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into());
        bench.set("HTTPS_PROXY", &format!("http://127.0.0.1:{port}"));
        bench.set("SECRET", SECRET);
        program(&mut bench, "az", &az(&token()), 0);
        let add = format!("account add NAME --environment {environment} --subscription-id {SUBSCRIPTION}");
        bench.does(&format!(
            "{} --auth client_secret --tenant-id {TENANT} --client-id {APPLICATION} --secret-env SECRET",
            add.replace("NAME", "app")
        ));
        bench.does(&format!("{} --auth azure_cli", add.replace("NAME", "cli")));
        // Nobody is there; but it is seen who was looked for.
        for (name, host) in [("app", authority), ("cli", manager)] {
            let ran = bench.run(&format!("account validate {name}"));
            assert_eq!(ran.status, Some(1), "{ran}");
            let asked = format!("CONNECT {host}:443 HTTP/1.1");
            let heard = std::mem::take(&mut *heard.lock().unwrap());
            assert!(
                !heard.is_empty() && heard.iter().all(|line| *line == asked),
                "{environment} {name}: {heard:?}"
            );
        }
        let scope = format!("--scope https://{manager}/.default");
        assert!(bench.text("az.calls").contains(&scope), "{}", bench.text("az.calls"));
    }
}

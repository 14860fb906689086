//! A real WebSocket on loopback, as the API server hands it on from the kubelet.

use futures::SinkExt;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::{Exec, ExecError, Finished};
use crate::api::{Patience, patient};

/// Answers one command with these messages, in the protocol `v5`; returns what was asked for.
async fn serve(messages: Vec<(u8, String)>) -> (kube::Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        #[allow(clippy::result_large_err, reason = "the library's signature")]
        let answer = |request: &Request, mut response: Response| {
            asked = request.uri().to_string();
            response.headers_mut().insert("sec-websocket-protocol", "v5.channel.k8s.io".parse().unwrap());
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, answer).await.unwrap();
        for (channel, text) in messages {
            let frame = [&[channel], text.as_bytes()].concat();
            socket.send(Message::binary(frame)).await.unwrap();
        }
        socket.close(None).await.ok();
        asked
    });
    let client = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    // as it is used: the upgrade goes through what sends requests again
    (patient(client, Patience::default()), served)
}

#[tokio::test]
async fn a_command_brings_both_outputs_and_its_end() {
    // longer than the library's buffers
    let long = "x".repeat(100_000);
    let ended = json!({"status": "Failure", "message": "command terminated with non-zero exit code", "reason": "NonZeroExitCode"});
    let messages = vec![(1, long.clone()), (2, "unhealthy".into()), (1, "!".into()), (3, ended.to_string())];
    let (client, served) = serve(messages).await;
    let finished = client.exec("etcd-cp-1", "etcd", &["etcdctl", "--key", "/a b"]).await.unwrap();
    assert_eq!(
        finished,
        Finished {
            stdout: long + "!",
            stderr: "unhealthy".into(),
            failure: Some("command terminated with non-zero exit code".into()),
        }
    );
    assert_eq!(
        served.await.unwrap(),
        "/api/v1/namespaces/kube-system/pods/etcd-cp-1/exec?&stdout=true&stderr=true&container=etcd\
         &command=etcdctl&command=--key&command=%2Fa+b"
    );
}

#[tokio::test]
async fn success_has_no_failure_and_a_broken_connection_is_no_success() {
    let (client, _served) =
        serve(vec![(1, "ok".into()), (3, json!({"status": "Success"}).to_string())]).await;
    let finished = client.exec("etcd-cp-1", "etcd", &["true"]).await.unwrap();
    assert_eq!((finished.stdout.as_str(), finished.failure), ("ok", None));
    let (client, _served) = serve(vec![(1, "half".into())]).await;
    let error = client.exec("etcd-cp-1", "etcd", &["true"]).await.unwrap_err();
    assert!(matches!(error, ExecError::Broken { .. }), "{error}");
}

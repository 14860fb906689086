//! The shell, without sockets: HTTP over a stream in memory, on a paused clock.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::InProcess;
use crate::arm::Settings;
use crate::seed::Seed;

fn azure() -> InProcess {
    let azure = InProcess::start(1, &Seed::default(), Settings::default()).unwrap();
    azure.act(|world, now| {
        let cluster = world.put_cluster(cluster());
        cluster.store.create("v1/pods", pod("web-1", "w-1"), now);
    });
    azure
}

async fn exchange(mut stream: DuplexStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_and_one_without_a_user_is_nobodys() {
    let azure = azure();
    let get = "GET /api/v1/namespaces/default HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange(azure.connect(HOST, Some(User::admin())), get).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"Active\""), "{answer}");
    let answer = exchange(azure.connect(HOST, None), get).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("system:anonymous"), "{answer}");
    let token = get.replace("host: x", "host: x\r\nauthorization: Bearer abcdef.0123456789abcdef");
    let answer = exchange(azure.connect(HOST, None), &token).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(exchange(azure.connect("nobody.example.com", None), "").await, "");
}

#[tokio::test(start_paused = true)]
async fn a_watch_streams_until_its_time_is_up() {
    let azure = azure();
    let path = "/api/v1/pods?watch=1&timeoutSeconds=5&fieldSelector=metadata.name%3Dweb-2";
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let stream = azure.connect(HOST, Some(User::admin()));
    let watching = tokio::spawn(async move { exchange(stream, &request).await });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    azure.act(|world, now| {
        world.clusters.get_mut(HOST).unwrap().store.create("v1/pods", pod("web-2", "w-1"), now);
    });
    let answer = watching.await.unwrap();
    assert!(answer.contains("{\"object\":{") && answer.contains("\"type\":\"ADDED\""), "{answer}");
    assert!(answer.ends_with("0\r\n\r\n"), "the stream ends when its time is up: {answer}");
}

#[tokio::test(start_paused = true)]
async fn a_command_runs_over_a_websocket() {
    use futures::StreamExt;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let azure = azure();
    let mut request =
        format!("ws://{HOST}/api/v1/namespaces/default/pods/web-1/exec?command=ls&command=-l&stdout=true")
            .into_client_request()
            .unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "v4.channel.k8s.io".parse().unwrap());
    let stream = azure.connect(HOST, Some(User::admin()));
    let (mut socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "v4.channel.k8s.io");
    let mut heard = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            heard.push(message.into_data().to_vec());
        }
    }
    assert_eq!(heard[0][0], 2, "standard error");
    let outcome: Value = serde_json::from_slice(&heard[1][1..]).unwrap();
    assert_eq!((heard[1][0], &outcome["details"]["causes"][0]["message"]), (3, &json!("127")));
}

#[test]
fn a_cluster_is_recorded_with_the_world() {
    let mut world = crate::World::new(crate::simulator::credentials(&Seed::default()).unwrap(), 1);
    let mut copy: crate::World = serde_json::from_value(serde_json::to_value(&world).unwrap()).unwrap();
    world.put_cluster(cluster());
    copy.replay(world.take_changes());
    ask(world.clusters.get_mut(HOST).unwrap(), "POST /api/v1/nodes", node("w-1"));
    assert!(world.must_record());
    copy.replay(world.take_changes());
    assert!(!world.must_record());
    assert_eq!(serde_json::to_value(&copy).unwrap(), serde_json::to_value(&world).unwrap());
    world.remove_cluster(HOST);
    copy.replay(world.take_changes());
    assert!(copy.clusters.is_empty());
}

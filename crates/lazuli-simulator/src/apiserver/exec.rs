//! Commands in containers: a WebSocket with one channel for each stream (`v5.channel.k8s.io` and `v4`).

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role};

use super::stream::ReplyBytes;
use crate::gateway::Gateway;
use crate::kubernetes::{self, Exec};

/// In the order of preference.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;

/// A connection that its client wants to become a WebSocket.
pub(super) struct Upgrade {
    connection: OnUpgrade,
    accept: String,
    protocol: &'static str,
}

impl Upgrade {
    /// Takes the upgrade out of a request that asks for one in a protocol that is known.
    pub(super) fn take(request: &mut hyper::Request<Incoming>) -> Option<Self> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if !header(UPGRADE)?.eq_ignore_ascii_case("websocket") {
            return None;
        }
        let accept = derive_accept_key(header(SEC_WEBSOCKET_KEY)?.as_bytes());
        let offered = header(SEC_WEBSOCKET_PROTOCOL)?;
        let protocol =
            PROTOCOLS.into_iter().find(|known| offered.split(',').any(|name| name.trim() == *known))?;
        Some(Self { connection: hyper::upgrade::on(request), accept, protocol })
    }

    /// Answers with the switch, and runs the command once it is done.
    pub(super) fn run(
        self,
        gateway: Arc<Gateway>,
        host: Arc<str>,
        command: Exec,
    ) -> hyper::Response<ReplyBytes> {
        let mut response = hyper::Response::new(ReplyBytes::whole(Vec::new()));
        *response.status_mut() = hyper::StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.protocol));
        if let Ok(accept) = HeaderValue::try_from(self.accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        let connection = self.connection;
        tokio::spawn(async move {
            // A client that goes away hears nothing; the command has run all the same.
            let _ = serve(connection, gateway, host, command).await;
        });
        response
    }
}

async fn serve(
    connection: OnUpgrade,
    gateway: Arc<Gateway>,
    host: Arc<str>,
    command: Exec,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let connection = TokioIo::new(connection.await?);
    let mut socket = WebSocketStream::from_raw_socket(connection, Role::Server, None).await;
    let Exec { namespace, pod, container, argv } = command;
    let output = gateway
        .run(true, |world, now_ms| {
            world.advance(now_ms);
            let cluster = world.clusters.get_mut(&*host)?;
            Some(kubernetes::exec(cluster, &namespace, &pod, &container, &argv, now_ms))
        })
        .await?
        .unwrap_or_default();
    for (channel, text) in [(STDOUT, &output.stdout), (STDERR, &output.stderr)] {
        if !text.is_empty() {
            socket.send(message(channel, text.as_bytes())).await?;
        }
    }
    socket.send(message(ERROR, kubernetes::outcome(output.exit).to_string().as_bytes())).await?;
    // Clients take any other farewell for a broken stream.
    socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })).await?;
    // Until the client has said farewell too: what it has sent meanwhile must not turn the end into a reset.
    let farewell = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(5), farewell).await;
    Ok(())
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut framed = vec![channel];
    framed.extend_from_slice(bytes);
    Message::binary(framed)
}

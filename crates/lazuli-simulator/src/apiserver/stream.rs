//! Bodies: whole ones, and those of watches, which grow as the cluster changes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::gateway::Gateway;
use crate::kubernetes::Watch;

/// How often a watch looks whether the clock has moved the cluster on.
const TICK: Duration = Duration::from_millis(250);

/// The body of an answer of a cluster.
#[derive(Debug)]
pub(crate) enum ReplyBytes {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl ReplyBytes {
    pub(super) fn whole(bytes: Vec<u8>) -> Self {
        Self::Whole((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }
}

impl Body for ReplyBytes {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(pieces) => {
                pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// The events of a watch, one JSON value a line, until it is over or the client is gone.
pub(super) fn watch(gateway: Arc<Gateway>, host: Arc<str>, watch: Watch) -> ReplyBytes {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(tell(gateway, host, watch, sender));
    ReplyBytes::Stream(receiver)
}

async fn tell(gateway: Arc<Gateway>, host: Arc<str>, mut watch: Watch, sender: mpsc::Sender<Bytes>) {
    let mut changes = gateway.changes();
    loop {
        let round = gateway.run(false, |world, now_ms| {
            world.advance(now_ms);
            let cluster = world.clusters.get(&*host).filter(|cluster| cluster.is_available());
            match cluster {
                Some(cluster) => (watch.events(&cluster.store, now_ms), watch.is_over(now_ms)),
                None => (Vec::new(), true),
            }
        });
        let Ok((events, is_over)) = round.await else { return };
        let mut lines = Vec::new();
        for event in events {
            if serde_json::to_writer(&mut lines, &event).is_err() {
                return;
            }
            lines.push(b'\n');
        }
        if !lines.is_empty() && sender.send(Bytes::from(lines)).await.is_err() {
            return;
        }
        if is_over {
            return;
        }
        tokio::select! {
            () = sender.closed() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

//! How an answer reaches the client, or does not: bodies that come slowly or stop, connections that break.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::request::Delivery;

/// In how many pieces a slow body comes.
pub(crate) const PIECES: usize = 8;

/// The body of an answer on its way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pieces: VecDeque<Bytes>,
    /// How much is announced, which is more than comes when the body stalls.
    announced: usize,
    pause: Duration,
    stalls: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    /// A body that is delivered in a given way.
    pub(crate) fn new(bytes: Bytes, delivery: Delivery) -> Self {
        let (announced, half) = (bytes.len(), bytes.len() / 2);
        let (pieces, pause, stalls) = match delivery {
            Delivery::Slow { pause_ms } => {
                let size = announced.div_ceil(PIECES).max(1);
                let pieces =
                    (0..announced).step_by(size).map(|at| bytes.slice(at..(at + size).min(announced)));
                (pieces.collect(), Duration::from_millis(pause_ms), false)
            }
            Delivery::Stall => (VecDeque::from([bytes.slice(..half)]), Duration::ZERO, true),
            Delivery::Answer | Delivery::Drop | Delivery::Hold | Delivery::Reset => {
                let whole = if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([bytes]) };
                (whole, Duration::ZERO, false)
            }
        };
        Outgoing { pieces, announced, pause, stalls, sleep: None }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.pieces.is_empty() {
            // Nothing wakes a body that stalls: the client has to give up.
            return if self.stalls { Poll::Pending } else { Poll::Ready(None) };
        }
        if !self.pause.is_zero() {
            let pause = self.pause;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
        match self.pieces.pop_front() {
            Some(piece) => {
                self.announced = self.announced.saturating_sub(piece.len());
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.stalls
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced as u64)
    }
}

/// A connection that can be broken: it then ends with a reset instead of a farewell.
#[derive(Debug)]
pub(crate) struct Breakable {
    stream: TcpStream,
    is_broken: Arc<AtomicBool>,
}

impl Breakable {
    /// The connection, and the switch that breaks it when it is dropped.
    pub(crate) fn new(stream: TcpStream) -> (Self, Arc<AtomicBool>) {
        let is_broken = Arc::new(AtomicBool::new(false));
        (Breakable { stream, is_broken: Arc::clone(&is_broken) }, is_broken)
    }
}

impl Drop for Breakable {
    fn drop(&mut self) {
        if self.is_broken.load(Ordering::Acquire) {
            // Should that fail, the connection ends politely, which the client notices just as well.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

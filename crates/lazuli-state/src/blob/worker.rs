//! A thread of its own for requests and heartbeat: however busy or blocked the run is, the lease is renewed.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::error::StateError;

#[derive(Debug)]
pub(super) struct Worker {
    runtime: Option<Runtime>,
}

impl Worker {
    pub(super) fn start() -> Result<Self, StateError> {
        let built = Builder::new_multi_thread().worker_threads(1).thread_name("blob").enable_all().build();
        let runtime = built.map_err(StateError::io("start", "a thread for Azure Blob".as_ref()))?;
        Ok(Worker { runtime: Some(runtime) })
    }

    /// Runs a future there and waits for it. Every future that is given has a limit of its own.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        future: impl Future<Output = Result<T, StateError>> + Send + 'static,
    ) -> Result<T, StateError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = sender.send(future.await); // it is waited for below
        });
        receiver.recv().unwrap_or_else(|_| {
            let gone = std::io::Error::other("the thread for it has ended");
            Err(StateError::io("ask", "Azure Blob".as_ref())(gone))
        })
    }

    /// Runs a future there.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(future).abort_handle())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // to wait is not allowed where this may be dropped
        }
    }
}

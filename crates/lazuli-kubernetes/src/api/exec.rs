//! A command in a container.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::error::ApiError;

/// How long a command may take: etcdctl gives up on its own long before.
const LONGEST: Duration = Duration::from_secs(30);

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// What it wrote.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Whether it ended well; otherwise what the runtime said of it.
    pub failure: Option<String>,
}

/// Why a command did not run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecError {
    /// The API refused or could not be asked.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It did not end, or its output was lost.
    #[error("the command `{command}` in the pod {pod} has no answer: {reason}")]
    Broken {
        /// The pod.
        pod: String,
        /// The first words of the command.
        command: String,
        /// What happened.
        reason: String,
    },
}

/// Runs commands in containers.
#[async_trait::async_trait]
pub trait Exec: Send + Sync {
    /// Runs a command in a container of a pod of the namespace `kube-system` and waits for its end.
    ///
    /// # Errors
    /// When it did not run, or nobody knows how it ended.
    async fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Result<Finished, ExecError>;
}

#[async_trait::async_trait]
impl Exec for kube::Client {
    async fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Result<Finished, ExecError> {
        let broken = |reason: String| ExecError::Broken {
            pod: pod.to_owned(),
            command: command.iter().take(1).copied().collect(),
            reason,
        };
        let run = async {
            let pods: kube::Api<Pod> = kube::Api::namespaced(self.clone(), "kube-system");
            let how = AttachParams::default().container(container).stdin(false).stderr(true);
            let mut process = pods.exec(pod, command.iter().copied(), &how).await.map_err(ApiError::from)?;
            let (stdout, stderr) = (process.stdout(), process.stderr());
            let status = process.take_status();
            let (stdout, stderr) = tokio::join!(text(stdout), text(stderr));
            let status = match status {
                Some(status) => status.await,
                None => None,
            }
            .ok_or_else(|| broken("the connection ended before the command did".to_owned()))?;
            let failed = status.status.as_deref() != Some("Success");
            Ok(Finished {
                stdout: stdout.map_err(|e| broken(e.to_string()))?,
                stderr: stderr.map_err(|e| broken(e.to_string()))?,
                failure: failed.then(|| status.message.unwrap_or_default()),
            })
        };
        match tokio::time::timeout(LONGEST, run).await {
            Ok(result) => result,
            Err(_) => Err(broken(format!("it did not end within {} s", LONGEST.as_secs()))),
        }
    }
}

async fn text(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;

//! Waits until an object is gone, and finds out why it stays.

use std::time::Duration;

use lazuli_core::provider::{Outcome, ProviderError, Watch};
use tokio::time::{Instant, sleep};

use crate::api::{Rest, Selector, encode};

/// How long the controllers have for one object; under the ten minutes that a step gets, so that the error can say why.
const PATIENCE: Duration = Duration::from_secs(9 * 60);
/// How often to look.
const LOOK: Duration = Duration::from_secs(2);

/// A wait that ends.
pub(super) struct Waiting<'a> {
    rest: &'a Rest,
    watch: &'a dyn Watch,
    deadline: Instant,
    told: String,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(rest: &'a Rest, watch: &'a dyn Watch) -> Self {
        Waiting { rest, watch, deadline: Instant::now() + PATIENCE, told: String::new() }
    }

    /// Waits a moment for what `what` is about. When the time is over the error says what the last warnings about
    /// `names` were.
    pub(super) async fn moment(&mut self, what: &str, names: &[&str]) -> Result<(), ProviderError> {
        if self.told != what {
            self.watch.progress(what);
            self.told = what.to_owned();
        }
        if Instant::now() + LOOK < self.deadline {
            sleep(LOOK).await;
            return Ok(());
        }
        let mut message = format!("not gone after {} s: {what}", PATIENCE.as_secs());
        for name in names {
            for warning in self.warnings(name).await {
                message.push_str(&format!("; {warning}"));
            }
        }
        let advice = "The controllers of the cluster remove it: look at the pods of cloud-controller-manager and \
                      csi-azuredisk-controller in kube-system, then run the same command again. With --force it is \
                      given up in the end, and listed.";
        Err(ProviderError::own("StillThere", message, Outcome::Unknown).advise(advice))
    }

    /// What events warn of. That they cannot be read must not hide what is to be explained.
    async fn warnings(&self, name: &str) -> Vec<String> {
        let fields = format!("involvedObject.name={},type=Warning", name);
        let selector = Selector { fields: Some(&fields), labels: None };
        let events = self.rest.list("/api/v1/events", selector).await.unwrap_or_default();
        let said = |event: &lazuli_core::Json| {
            Some(format!("{}: {}", event["reason"].as_str()?, event["message"].as_str()?))
        };
        let mut said: Vec<String> = events.iter().rev().filter_map(said).collect();
        said.dedup();
        said.truncate(2);
        said
    }
}

/// The path of an object in a namespace.
pub(super) fn path(plural: &str, namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{}/{plural}/{}", encode(namespace), encode(name))
}

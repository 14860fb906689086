//! Refusals in Azure's own words: status, code, message and the envelope they travel in.
//!
//! Belongs here: the envelope and the codes several modules share. Not here: when a request is refused.

use serde_json::{Value, json};

use crate::request::Response;

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArmError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) target: Option<Box<str>>,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The cause, in the words of whoever found it. Boxed, as few refusals have one.
    pub(crate) detail: Option<Box<Value>>,
    /// The entries of `additionalInfo`: type and content.
    pub(crate) additional: Option<Box<(&'static str, Value)>>,
    /// Who refuses; the envelope differs in small ways.
    pub(crate) from: Origin,
}

/// Which part of Azure refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The gateway, before a resource provider saw the request.
    Gateway,
    /// The network resource provider, which always sends `details`.
    Network,
    /// Compute's own throttling, which leaves out the `error` around code and message.
    Throttle,
    /// Any other resource provider.
    Provider,
}

impl ArmError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            target: None,
            headers: Vec::new(),
            detail: None,
            additional: None,
            from: Origin::Provider,
        }
    }

    pub(crate) fn network(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { from: Origin::Network, ..Self::new(status, code, message) }
    }

    pub(crate) fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { from: Origin::Gateway, ..Self::new(status, code, message) }
    }

    pub(crate) fn at(mut self, target: &str) -> Self {
        self.target = Some(target.into());
        self
    }

    pub(crate) fn because(mut self, code: &'static str, message: String) -> Self {
        self.detail = Some(Box::new(json!({ "code": code, "message": message })));
        self
    }

    /// Like [`because`](Self::because), of something named.
    pub(crate) fn because_of(mut self, code: &'static str, target: &str, message: String) -> Self {
        self.detail = Some(Box::new(json!({ "code": code, "target": target, "message": message })));
        self
    }

    pub(crate) fn with_info(mut self, ty: &'static str, info: Value) -> Self {
        self.additional = Some(Box::new((ty, info)));
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The inner object: code, message and so on.
    pub(crate) fn inner(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(target) = &self.target {
            error["target"] = json!(target);
        }
        if let Some(detail) = &self.detail {
            error["details"] = json!([**detail]);
        } else if self.from == Origin::Network {
            error["details"] = json!([]);
        }
        if let Some(additional) = &self.additional {
            error["additionalInfo"] = json!([{ "type": additional.0, "info": additional.1 }]);
        }
        error
    }

    pub(crate) fn into_response(self) -> Response {
        let body = match self.from {
            Origin::Throttle => self.inner(),
            _ => json!({ "error": self.inner() }),
        };
        let mut response = Response::json(self.status, body);
        if self.from == Origin::Gateway {
            response = response.with("x-ms-failure-cause", "gateway");
        }
        for (name, value) in self.headers {
            response = response.with(name, value);
        }
        response
    }

    pub(crate) fn group_not_found(group: &str) -> Self {
        Self::gateway(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found."))
    }

    /// `kind` and `name` may be paths (`a/b`), as Azure prints them.
    pub(crate) fn resource_not_found(kind: &str, name: &str, group: &str) -> Self {
        Self::gateway(
            404,
            "ResourceNotFound",
            format!(
                "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details \
                 please go to https://aka.ms/ARMResourceNotFoundFix"
            ),
        )
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        Self::gateway(
            405,
            "MethodNotAllowed",
            format!("The requested resource does not support http method '{method}'."),
        )
    }

    pub(crate) fn invalid_content(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestContent", message)
    }
}

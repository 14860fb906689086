//! Addresses: of resources, and which ones a token may be sent to.

use lazuli_core::resource::ResourceId;
use url::Url;

/// The address of a path below the endpoint, with its API version and further query.
pub(crate) fn resource(endpoint: &Url, path: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
    let mut url = endpoint.clone();
    url.set_path(path);
    {
        let mut pairs = url.query_pairs_mut();
        pairs.clear().append_pair("api-version", api_version);
        pairs.extend_pairs(query);
    }
    url
}

/// The collection an object is in: its id without its name, be it in a resource group, below a parent or on a scope.
pub(crate) fn collection(id: &ResourceId) -> &str {
    id.as_str().rsplit_once('/').map_or(id.as_str(), |(collection, _)| collection)
}

/// An address Azure gave us, when the token may go there: the endpoint itself or a name below it, over TLS. A loopback
/// endpoint (the simulator) may have moved to another port since: the path counts.
pub(crate) fn trusted(endpoint: &Url, text: &str) -> Option<Url> {
    let mut url = endpoint.join(text).ok()?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let (host, own) = (url.host_str()?.to_ascii_lowercase(), endpoint.host_str()?.to_ascii_lowercase());
    if host == own {
        if url.port_or_known_default() == endpoint.port_or_known_default() {
            return Some(url);
        }
        if is_loopback(&own) && url.set_port(endpoint.port()).is_ok() {
            return Some(url);
        }
        return None;
    }
    let below = host.strip_suffix(&own).is_some_and(|rest| rest.ends_with('.'));
    (below && url.port_or_known_default() == Some(443)).then_some(url)
}

/// True for names and addresses of this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::{resource, trusted};
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn tokens_go_to_the_endpoint_and_names_below_it_only() {
        let azure = url("https://management.azure.com");
        for good in [
            "https://management.azure.com/x?t=1&s=a%2Bb",
            "https://eastus.management.azure.com/x",
            "/subscriptions/s/operationresults/1?api-version=2",
        ] {
            assert!(trusted(&azure, good).is_some(), "{good}");
        }
        for bad in [
            "https://evil.example/x",
            "https://management.azure.com.evil.example/x",
            "https://evilmanagement.azure.com/x",
            "http://management.azure.com/x",
            "https://management.azure.com:444/x",
            "https://eastus.management.azure.com:444/x",
            "https://user@management.azure.com/x",
        ] {
            assert!(trusted(&azure, bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn signed_addresses_are_kept_verbatim() {
        let azure = url("https://management.azure.com");
        let text =
            "https://management.azure.com/subscriptions/s/x?api-version=1&t=638&c=MII%2B%2F&s=a-_b&h=x~y";
        assert_eq!(trusted(&azure, text).unwrap().as_str(), text);
    }

    #[test]
    fn a_simulator_that_moved_is_found_again() {
        let now = url("https://localhost:2222");
        assert_eq!(
            trusted(&now, "https://localhost:1111/op?a=1").unwrap().as_str(),
            "https://localhost:2222/op?a=1"
        );
    }

    #[test]
    fn a_resource_has_its_version_in_the_query() {
        let built =
            resource(&url("https://h/"), "/subscriptions/s", "2025-05-01", &[("$filter", "atScope()")]);
        assert_eq!(
            built.as_str(),
            "https://h/subscriptions/s?api-version=2025-05-01&%24filter=atScope%28%29"
        );
    }
}

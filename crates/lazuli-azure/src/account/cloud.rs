//! The clouds and where their services are.

use url::Url;

/// Which Azure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The public cloud.
    #[default]
    Public,
    /// Azure Government of the United States.
    UsGovernment,
    /// Azure in China.
    China,
    /// Another one: Azure Stack, or the simulator.
    Custom(Endpoints),
}

/// Where a cloud's services are. All are `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Entra's address, where tokens come from: `https://login.microsoftonline.com`.
    pub authority: Url,
    /// Azure Resource Manager's address: `https://management.azure.com`.
    pub resource_manager: Url,
    /// What tokens for Azure Resource Manager are asked for, without `/.default`.
    pub audience: String,
}

impl Cloud {
    /// Where its services are.
    pub fn endpoints(&self) -> Endpoints {
        let known = |authority: &str, resource_manager: &str| Endpoints {
            authority: parsed(authority),
            resource_manager: parsed(resource_manager),
            audience: resource_manager.to_owned(),
        };
        match self {
            Cloud::Public => known("https://login.microsoftonline.com", "https://management.azure.com"),
            Cloud::UsGovernment => {
                known("https://login.microsoftonline.us", "https://management.usgovcloudapi.net")
            }
            Cloud::China => known("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
            Cloud::Custom(endpoints) => endpoints.clone(),
        }
    }
}

#[allow(clippy::expect_used)] // impossible: the texts are the constants above, parsed by a test
fn parsed(text: &str) -> Url {
    Url::parse(text).expect("a constant address")
}

#[cfg(test)]
mod tests {
    use super::Cloud;

    #[test]
    fn every_cloud_speaks_https() {
        for cloud in [Cloud::Public, Cloud::UsGovernment, Cloud::China] {
            let endpoints = cloud.endpoints();
            assert_eq!(endpoints.authority.scheme(), "https");
            assert_eq!(endpoints.resource_manager.scheme(), "https");
            assert!(endpoints.audience.starts_with("https://management."));
        }
    }
}

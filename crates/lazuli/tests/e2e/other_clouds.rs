//! Clusters in other clouds than the public one: what cannot work there is said before anything is made.

use crate::configurations::SMALL;
use crate::workbench::{Ran, Workbench};

/// What `validate` says of the small cluster with another account.
fn validated(account: &str, os: &str) -> Ran {
    let begin = SMALL.find("cloud_account \"sandbox\"").unwrap();
    let end = begin + SMALL[begin..].find("\n}\n").unwrap() + 3;
    let account = format!(
        "cloud_account \"sandbox\" {{\n  subscription_id = \"00000000-0000-0000-0000-000000000001\"\n  \
         tenant_id       = \"00000000-0000-0000-0000-000000000002\"\n{account}}}\n"
    );
    let main = format!("{}{account}{}", &SMALL[..begin], &SMALL[end..]);
    let profile = "cluster_profile \"base\" {\n";
    assert!(main.contains(profile), "{main}");
    Workbench::with(&main.replacen(profile, &format!("{profile}{os}"), 1)).run("validate")
}

#[test]
fn the_reference_images_are_not_looked_for_where_they_do_not_exist() {
    for (environment, cloud) in [("usgovernment", "AzureUSGovernmentCloud"), ("china", "AzureChinaCloud")] {
        let account = format!("  environment = \"{environment}\"\n");
        let refused = validated(&account, "");
        assert_eq!(refused.status, Some(1), "{refused}");
        let words = format!("error[LZ0224]: the reference images do not exist in {cloud}");
        assert!(refused.stderr.contains(&words) && refused.stderr.contains("gallery_image_id"), "{refused}");

        let image = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/images/providers/Microsoft.Compute/\
                     galleries/own/images/kubernetes/versions/1.34.2";
        let accepted = validated(&account, &format!("  os {{\n    gallery_image_id = \"{image}\"\n  }}\n"));
        assert_eq!(accepted.status, Some(0), "{accepted}");
    }
}

#[test]
fn a_custom_cloud_has_clusters_only_where_it_is_the_simulated_one() {
    let custom = |at: &str| {
        let endpoints = ["resource_manager", "authority", "audience"]
            .map(|name| format!("    {name} = \"https://{at}\"\n"));
        format!("  environment = \"custom\"\n  custom {{\n{}  }}\n", endpoints.concat())
    };
    let refused = validated(&custom("management.stack.example.com"), "");
    assert_eq!(refused.status, Some(1), "{refused}");
    let words = "error[LZ0270]: cluster.small cannot be made in a custom cloud";
    assert!(refused.stderr.contains(words) && refused.stderr.contains("cloud_account.sandbox"), "{refused}");
    for at in ["localhost:8443", "127.0.0.1:8443", "[::1]:8443"] {
        let accepted = validated(&custom(at), "");
        assert_eq!(accepted.status, Some(0), "{at}: {accepted}");
    }
}

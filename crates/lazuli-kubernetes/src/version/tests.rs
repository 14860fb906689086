use super::*;

fn v(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

#[test]
fn versions_are_read_with_and_without_the_letter() {
    assert_eq!(v("v1.34.2"), v("1.34.2"));
    assert_eq!(v("1.35.0-rc.1").tag(), "v1.35.0-rc.1");
    assert_eq!(v("v1.34.2").to_string(), "1.34.2");
}

#[test]
fn what_is_not_a_version_is_refused_with_a_hint() {
    for text in ["", "1.34", "latest", "vv1.34.2", "1.34.02"] {
        let error = text.parse::<KubernetesVersion>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{text}` is not a Kubernetes version: write all three numbers, such as 1.34.2")
        );
    }
    for text in ["1.21.14", "0.30.0", "2.0.0"] {
        let error = text.parse::<KubernetesVersion>().unwrap_err();
        assert!(matches!(error, VersionError::Unsupported { .. }), "{error}");
    }
}

#[test]
fn kubeadm_changes_its_api_with_1_31() {
    assert_eq!(v("1.22.0").kubeadm_api(), KubeadmApi::V1beta3);
    assert_eq!(v("1.30.14").kubeadm_api(), KubeadmApi::V1beta3);
    assert_eq!(v("1.31.0-alpha.1").kubeadm_api().api_version(), "kubeadm.k8s.io/v1beta4");
    assert_eq!(v("1.37.0").kubeadm_api(), KubeadmApi::V1beta4);
}

#[test]
fn the_local_mode_of_the_kubelet_is_asked_for_while_it_is_a_gate() {
    let asked: Vec<u64> =
        (22..=40).filter(|minor| v(&format!("1.{minor}.0")).needs_kubelet_local_mode()).collect();
    assert_eq!(asked, [31, 32, 33, 34, 35]);
}

#[test]
fn a_kubelet_is_never_newer_and_at_most_three_minors_older_than_the_api_server() {
    let api_server = v("1.34.2");
    for good in ["1.34.9", "1.33.0", "1.31.0"] {
        assert_eq!(api_server.check_kubelet(&v(good)), Ok(()));
    }
    insta::assert_snapshot!(api_server.check_kubelet(&v("1.35.0")).unwrap_err(), @"a kubelet 1.35.0 cannot work with an API server 1.34.2: upgrade the control plane first, then its workers");
    insta::assert_snapshot!(api_server.check_kubelet(&v("1.30.9")).unwrap_err(), @"a kubelet 1.30.9 is too old for an API server 1.34.2: it may be at most 3 minor versions behind; upgrade the workers before the control plane goes on");
}

#[test]
fn an_old_kubelet_may_be_two_minors_behind_only() {
    assert_eq!(v("1.26.0").check_kubelet(&v("1.24.0")), Ok(()));
    assert!(v("1.27.0").check_kubelet(&v("1.24.0")).is_err());
    assert_eq!(v("1.28.0").check_kubelet(&v("1.25.0")), Ok(()));
}

#[test]
fn upgrades_go_forward_one_minor_at_a_time() {
    let from = v("1.33.4");
    assert_eq!(from.change_to(&v("1.33.4")), Ok(VersionChange::None));
    assert_eq!(from.change_to(&v("1.33.5")), Ok(VersionChange::Patch));
    assert_eq!(from.change_to(&v("1.34.0")), Ok(VersionChange::Minor));
    assert_eq!(v("1.34.0-rc.0").change_to(&v("1.34.0")), Ok(VersionChange::Patch));
    insta::assert_snapshot!(from.change_to(&v("1.35.1")).unwrap_err(), @"Kubernetes cannot go from 1.33.4 to 1.35.1 at once: one minor version at a time, so go to 1.34 first");
    insta::assert_snapshot!(from.change_to(&v("1.33.3")).unwrap_err(), @"Kubernetes cannot go back from 1.33.4 to 1.33.3: the data in etcd may already have a newer form; keep 1.33.4, or restore a backup into a new cluster");
}

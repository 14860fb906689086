//! Names of images: the tag is changed, the place stays (it may be a mirror).

/// The tag of an image.
pub(super) fn tag(image: &str) -> Option<&str> {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag)
}

/// The image with another tag; a digest goes, since it would be that of the old.
pub(super) fn with_tag(image: &str, tag: &str) -> String {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let bare = match self::tag(name) {
        Some(old) => &name[..name.len() - old.len() - 1],
        None => name,
    };
    format!("{bare}:{tag}")
}

/// Whether `wanted` is a newer version than `live`; what cannot be compared is somebody's own and stays.
pub(super) fn is_newer(wanted: &str, live: &str) -> bool {
    let version = |tag: &str| semver::Version::parse(tag.trim_start_matches('v')).ok();
    matches!((version(wanted), version(live)), (Some(wanted), Some(live)) if wanted > live)
}

/// CoreDNS by Kubernetes minor, as the version's kubeadm installs it.
const COREDNS: [(u64, &str); 15] = [
    (22, "v1.8.4"),
    (23, "v1.8.6"),
    (24, "v1.8.6"),
    (25, "v1.9.3"),
    (26, "v1.9.3"),
    (27, "v1.10.1"),
    (28, "v1.10.1"),
    (29, "v1.11.1"),
    (30, "v1.11.1"),
    (31, "v1.11.3"),
    (32, "v1.11.3"),
    (33, "v1.12.0"),
    (34, "v1.12.1"),
    (35, "v1.13.1"),
    (37, "v1.14.4"),
];

/// The CoreDNS that goes with a Kubernetes minor. The default configuration of all of these is understood by all that
/// come after, so the configuration is left alone.
pub(super) fn coredns(minor: u64) -> &'static str {
    COREDNS.iter().rev().find(|(of, _)| *of <= minor).map_or(COREDNS[0].1, |(_, tag)| tag)
}

//! What is to be read from a boot log: whether the first boot has failed, and the lines that say why.
//!
//! cloud-init goes on after a command that failed, so the end of the log is host keys and a login prompt.

/// How many lines an error shows.
const LINES: usize = 25;

/// What `user_data/steps/boot.sh` says before the end of its own log, and in the last line of that.
const BLOCK: (&str, &str) = ("lazuli: this node could not be prepared", " ended with status ");

/// What is said of a first boot that failed: by `boot.sh`, and by cloud-init, which runs it.
const FAILED: [&str; 3] =
    [BLOCK.0, "Failed running /var/lib/cloud/instance/scripts/runcmd", "Failed to run module scripts"];

/// True when the first boot has failed: it is not repeated.
pub(super) fn has_failed(log: &str) -> bool {
    FAILED.iter().any(|words| log.contains(words))
}

/// The lines that say why: the end of the block in which the boot tells it, else what comes before cloud-init's words for a
/// command that failed, else the end of the whole log.
pub(super) fn excerpt(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let of_block = lines.iter().rposition(|line| line.contains(BLOCK.0)).map(|start| {
        let block = &lines[start..];
        let end = block.iter().rposition(|line| line.contains("lazuli: ") && line.contains(BLOCK.1));
        // Without its last line it was cut off: what comes first is nearest.
        &block[..end.map_or(LINES.min(block.len()), |end| end + 1)]
    });
    let shown = of_block.unwrap_or_else(|| {
        // Without the block: cloud-init says that a command failed right after what the command said.
        let end = lines.iter().rposition(|line| FAILED.iter().any(|words| line.contains(words)));
        &lines[..end.map_or(lines.len(), |end| end + 1)]
    });
    shown[shown.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{LINES, excerpt, has_failed};

    /// What a real cloud-init says after a command that failed.
    fn noise() -> String {
        (0..40).map(|n| format!("[  31.{n}] cloud-init[812]: ssh-ed25519 AAAA{n} root@web-1\n")).collect()
    }

    #[test]
    fn the_block_of_the_failure_is_shown_and_not_what_comes_after_it() {
        let long: String = (0..100).map(|n| format!("kubeadm says {n}\n")).collect();
        let block = format!(
            "lazuli: this node could not be prepared; /var/log/lazuli.log ends with:\n{long}lazuli: 40-join.sh ended with status 1\n"
        );
        let log = format!("{}{block}{}web-1 login: ", noise(), noise());
        assert!(has_failed(&log));
        let shown = excerpt(&log);
        assert_eq!(shown.lines().count(), LINES);
        assert!(shown.ends_with("kubeadm says 99\nlazuli: 40-join.sh ended with status 1"), "{shown}");
    }

    #[test]
    fn without_a_block_what_comes_before_the_words_of_cloud_init_is_shown() {
        let failed = "[ 31.2] cloud-init[812]: Failed to run module scripts_user (scripts in /var/lib/cloud/instance/scripts)";
        let log = format!("{}kubeadm says no\n{failed}\n{}web-1 login: ", noise(), noise());
        assert!(excerpt(&log).ends_with(&format!("kubeadm says no\n{failed}")), "{}", excerpt(&log));
    }

    #[test]
    fn without_anything_the_end_is_shown() {
        let log = format!("first\n{}\nweb-1 login: \n", noise());
        assert!(!has_failed(&log));
        let shown = excerpt(&log);
        assert!(shown.ends_with("root@web-1\nweb-1 login:") && !shown.contains("first"), "{shown}");
        assert_eq!(excerpt(""), "");
    }
}

//! The same graph as text for Lazuli and for terraform.

use std::fmt::Write as _;
use std::ops::Range;

/// A file has a limit.
const IN_A_FILE: usize = 10_000;

/// How resources refer to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Not at all.
    Independent,
    /// Each to the one before, to something that is known only when that is made.
    Chain,
    /// Ten layers, three references into the layer before.
    Layered,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::Independent => "independent",
            Shape::Chain => "chain",
            Shape::Layered => "layered",
        }
    }

    /// The resources that a resource refers to.
    fn before(self, i: usize, count: usize) -> Vec<usize> {
        match self {
            Shape::Independent => Vec::new(),
            Shape::Chain => i.checked_sub(1).into_iter().collect(),
            Shape::Layered => {
                let width = (count / 10).max(1);
                let Some(layer) = (i / width).checked_sub(1) else { return Vec::new() };
                [0, 7, 13].map(|k| layer * width + (i + k) % width).to_vec()
            }
        }
    }

    /// A configuration of Lazuli: storage accounts with a few attributes each, in files of ten thousand.
    pub(crate) fn lazuli(self, count: usize) -> Vec<(String, String)> {
        let account = ("account.hcl".to_owned(), "cloud_account \"a\" {\n  simulator {}\n}\n".to_owned());
        let part = |first: usize| {
            let text = self.blocks(first..count.min(first + IN_A_FILE), count);
            (format!("part{}.hcl", first / IN_A_FILE), text)
        };
        std::iter::once(account).chain((0..count).step_by(IN_A_FILE).map(part)).collect()
    }

    fn blocks(self, some: Range<usize>, count: usize) -> String {
        let attribute = if self == Shape::Chain { "properties.made" } else { "id" };
        let mut text = String::new();
        for i in some {
            let mut tags = String::from("a = \"b\"");
            for (k, before) in self.before(i, count).into_iter().enumerate() {
                let _ = write!(tags, ", t{k} = resource.r{before}.{attribute}");
            }
            let _ = write!(
                text,
                "resource \"r{i}\" {{\n  type = \"Microsoft.Storage/storageAccounts@2025-06-01\"\n  \
                 resource_group = \"rg\"\n  name = \"stor{i}\"\n  location = \"eastus2\"\n  tags = {{ {tags} }}\n  \
                 sku = {{ name = \"Standard_ZRS\" }}\n  kind = \"StorageV2\"\n  \
                 properties = {{ minimumTlsVersion = \"TLS1_2\" }}\n}}\n"
            );
        }
        text
    }

    /// A configuration of terraform: its builtin resource with one attribute.
    pub(crate) fn terraform(self, count: usize) -> String {
        let mut text = String::new();
        for i in 0..count {
            let before: Vec<String> =
                self.before(i, count).iter().map(|before| format!("terraform_data.r{before}.id")).collect();
            let input =
                if before.is_empty() { format!("\"v{i}\"") } else { format!("[{}]", before.join(", ")) };
            let _ = write!(text, "resource \"terraform_data\" \"r{i}\" {{\n  input = {input}\n}}\n");
        }
        text
    }
}

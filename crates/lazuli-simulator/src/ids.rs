//! Resource ids: how a path is split, and how ids compare (without regard to case).
//!
//! Belongs here: syntax. Not here: whether anything exists.

/// What a path under Azure Resource Manager points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Everything before the last `/providers/`, as written: a subscription, a group, or a resource.
    pub(crate) scope: String,
    /// The resource group, as written.
    pub(crate) group: Option<String>,
    /// The provider namespace, as written.
    pub(crate) namespace: String,
    /// Type segments, as written.
    pub(crate) types: Vec<String>,
    /// Name segments; one fewer than types for a collection or an action.
    pub(crate) names: Vec<String>,
}

impl Target {
    /// Splits `/…/providers/{namespace}/{type}/{name}/…`; `None` when there is no provider in the path.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let at = segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers"))?;
        let namespace = (*segments.get(at + 1)?).to_owned();
        let (mut types, mut names) = (Vec::new(), Vec::new());
        for (index, segment) in segments[at + 2..].iter().enumerate() {
            if index % 2 == 0 { types.push((*segment).to_owned()) } else { names.push((*segment).to_owned()) }
        }
        let scope = segments[..at].iter().fold(String::new(), |scope, segment| scope + "/" + segment);
        Some(Self { group: group_of(path), scope, namespace, types, names })
    }

    /// `Namespace/type/type`, as written.
    pub(crate) fn kind(&self) -> String {
        format!("{}/{}", self.namespace, self.types.join("/"))
    }

    /// Whether the path names one thing rather than a collection or an action.
    pub(crate) fn is_item(&self) -> bool {
        !self.names.is_empty() && self.names.len() == self.types.len()
    }

    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The id of the item, as written.
    pub(crate) fn id(&self) -> String {
        let mut id = format!("{}/providers/{}", self.scope, self.namespace);
        for (kind, name) in self.types.iter().zip(&self.names) {
            id.push('/');
            id.push_str(kind);
            id.push('/');
            id.push_str(name);
        }
        id
    }

    /// The item one level up, when this is a child.
    pub(crate) fn parent(&self) -> Option<Self> {
        (self.names.len() > 1).then(|| {
            let mut parent = self.clone();
            parent.types.truncate(self.names.len() - 1);
            parent.names.truncate(self.names.len() - 1);
            parent
        })
    }
}

/// The form under which ids are compared and stored.
pub(crate) fn key(id: &str) -> String {
    id.trim_end_matches('/').to_ascii_lowercase()
}

/// The resource group in a path, as written.
pub(crate) fn group_of(path: &str) -> Option<String> {
    let mut segments = path.split('/').skip_while(|segment| !segment.eq_ignore_ascii_case("resourcegroups"));
    segments.next()?;
    segments.next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The last segment of an id.
pub(crate) fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The id without its last `/type/name` pair.
pub(crate) fn parent_id(id: &str) -> &str {
    id.rsplitn(3, '/').nth(2).unwrap_or("")
}

/// The id as the network provider prints it in refusals: group and names in upper case.
pub(crate) fn shouted(id: &str) -> String {
    let mut after_provider = None;
    let mut previous = "";
    let mut parts = Vec::new();
    for (index, segment) in id.split('/').enumerate() {
        let is_name = previous.eq_ignore_ascii_case("resourcegroups")
            || after_provider.is_some_and(|provider| index > provider + 1 && (index - provider) % 2 == 1);
        if segment.eq_ignore_ascii_case("providers") {
            after_provider = Some(index);
        }
        parts.push(if is_name { segment.to_ascii_uppercase() } else { segment.to_owned() });
        previous = segment;
    }
    parts.join("/")
}

/// `East US 2` and `eastus2` are one location.
pub(crate) fn location(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

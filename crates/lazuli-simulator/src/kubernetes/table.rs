//! Tables: what `kubectl get` prints.

use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::request::Request;

use super::columns;
use super::resources::Resource;

/// In which shape objects are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    Metadata,
    Table,
}

impl Shape {
    pub(crate) fn asked(request: &Request) -> Self {
        // Clients list what they prefer first; plain JSON always comes last.
        match request.header("accept").unwrap_or("") {
            accept if accept.contains("as=Table") => Self::Table,
            accept if accept.contains("as=PartialObjectMetadata") => Self::Metadata,
            _ => Self::Whole,
        }
    }
}

/// What comes along with each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Include {
    pub(crate) fn asked(request: &Request) -> Self {
        match request.query("includeObject") {
            Some("None") => Self::Nothing,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// The metadata of an object alone.
pub(crate) fn partial(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

/// A table of objects.
pub(crate) fn render(
    resource: &Resource,
    items: &[Arc<Value>],
    metadata: Value,
    include: Include,
    now_ms: u64,
) -> Value {
    let columns = columns::of(resource);
    let definitions: Vec<Value> = columns
        .iter()
        .map(|column| {
            json!({ "name": column.name, "type": column.kind, "format": if column.name == "Name" { "name" } else { "" },
                    "description": "", "priority": u8::from(column.is_wide) })
        })
        .collect();
    let rows: Vec<Value> = items
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object, now_ms)).collect();
            match include {
                Include::Nothing => json!({ "cells": cells }),
                Include::Metadata => json!({ "cells": cells, "object": partial(object) }),
                Include::Object => json!({ "cells": cells, "object": object }),
            }
        })
        .collect();
    json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions, "rows": rows })
}

/// How long ago a moment was, as kubectl prints ages.
pub(crate) fn age(moment: &Value, now_ms: u64) -> Value {
    let Some(since) = moment.as_str().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()) else {
        return json!("<unknown>");
    };
    json!(duration((now_ms / 1000) as i64 - since.unix_timestamp()))
}

/// Seconds in at most two units.
fn duration(seconds: i64) -> String {
    let two = |large: i64, unit: &str, small: i64, smaller: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{smaller}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 | 0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let ages = [0, 59, 119, 125, 660, 10_800, 11_000, 90_000, 180_000, 800_000, 70_000_000];
        let read: Vec<String> = ages.into_iter().map(duration).collect();
        assert_eq!(read, ["0s", "59s", "119s", "2m5s", "11m", "3h", "3h3m", "25h", "2d2h", "9d", "2y80d"]);
    }
}

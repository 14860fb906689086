//! Errors and warnings: like rustc for people, one object each for machines.
//!
//! Sorted by place, each said once, none longer than a screen.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use lazuli_core::diagnostic::{Diagnostic, Fact, Label, Severity};
use lazuli_core::source::{Location, SourceFile, Sources, Span};
use serde_json::{Map, Value as Json, json};

use super::layout::{brief, clean, columns, count, on_one_screen, wrap};
use super::style::{self, paint};

/// Lines of source one underline may cover.
const SOURCE_LINES: usize = 6;
/// Places shown besides the first one.
const PLACES: usize = 6;
/// Lines one fact, note or help may take.
const TEXT_LINES: usize = 12;
/// How many of them are the first ones of a longer text; the others are its last.
const FIRST_LINES: usize = 4;
/// Lines the words at an underline may take.
const LABEL_LINES: usize = 3;
/// Rows of the terminal one diagnostic may take.
const SCREEN: usize = 40;
/// Notes shown.
const NOTES: usize = 6;

/// All diagnostics as text with styles, a blank line after each, and a last line that counts them; empty when there
/// are none.
pub fn text(diagnostics: &[Diagnostic], sources: &Sources, width: usize) -> String {
    let sorted = sorted(diagnostics, sources);
    let mut out = String::new();
    for diagnostic in &sorted {
        out.push_str(&one(diagnostic, sources, width));
        out.push('\n');
    }
    if let Some(total) = total(&sorted) {
        out.push_str(&paint(style::STRONG, &total));
        out.push('\n');
    }
    out
}

/// In order of file, line and column, without doubles; those without a place last.
pub fn sorted<'a>(diagnostics: &'a [Diagnostic], sources: &Sources) -> Vec<&'a Diagnostic> {
    let place = |d: &Diagnostic| {
        let span = d.primary.as_ref().map(|label| label.span);
        let file = span.and_then(|s| sources.file(s.file)).map(|f| f.name.clone());
        (span.is_none(), file, span.map(|s| (s.file, s.start)))
    };
    let mut sorted: Vec<_> = diagnostics.iter().map(|d| (place(d), d)).collect();
    sorted.sort_by(|(p, a), (q, b)| {
        p.cmp(q).then(a.severity.cmp(&b.severity)).then(a.code.cmp(b.code)).then(a.message.cmp(&b.message))
    });
    let mut kept: Vec<&Diagnostic> = Vec::with_capacity(sorted.len());
    for (_, diagnostic) in sorted {
        // Equal ones need not be neighbours: the same key may be shared by different facts.
        let same = |d: &&&Diagnostic| d.code == diagnostic.code && d.message == diagnostic.message;
        if !kept.iter().rev().take_while(same).any(|d| *d == diagnostic) {
            kept.push(diagnostic);
        }
    }
    kept
}

/// `2 errors, 1 warning`; `None` when there is nothing.
fn total(diagnostics: &[&Diagnostic]) -> Option<String> {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = diagnostics.len() - errors;
    match (errors, warnings) {
        (0, 0) => None,
        (0, w) => Some(count(w, "warning")),
        (e, 0) => Some(count(e, "error")),
        (e, w) => Some(format!("{}, {}", count(e, "error"), count(w, "warning"))),
    }
}

/// One diagnostic as text with styles; ends with a line end.
pub fn one(diagnostic: &Diagnostic, sources: &Sources, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = clean(&diagnostic.message);
    let message = brief(&message, TEXT_LINES, width);
    let snippets = snippets(diagnostic, sources, width);
    let mut group = level.primary_title(message).id(diagnostic.code).elements(snippets);
    let in_group = has_source(diagnostic, sources);
    if in_group {
        for note in diagnostic.notes.iter().take(NOTES) {
            group = group.element(Level::NOTE.message(fitted(note, width.saturating_sub(14))));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(fitted(help, width.saturating_sub(14))));
        }
    }
    let report: &[Group<'_>] = &[group];
    let mut out = Renderer::styled().term_width(width).render(report);
    out.push('\n');

    let mut rows = Vec::new();
    let named = |address: &str| diagnostic.facts.iter().any(|fact| fact.text.contains(address));
    if let Some(address) = diagnostic.address.as_ref().filter(|address| !named(address.as_str())) {
        rows.push(("resource", address.to_string()));
    }
    rows.extend(diagnostic.facts.iter().map(|Fact { label, text }| (*label, text.clone())));
    if !in_group {
        rows.extend(diagnostic.notes.iter().take(NOTES).map(|note| ("note", note.clone())));
        rows.extend(diagnostic.help.iter().map(|help| ("help", help.clone())));
    }
    out.push_str(&facts(&rows, width));
    on_one_screen(out, SCREEN, width)
}

/// True when there is source to show, below which notes are set.
fn has_source(diagnostic: &Diagnostic, sources: &Sources) -> bool {
    diagnostic.primary.iter().chain(&diagnostic.secondary).any(|l| sources.file(l.span.file).is_some())
}

/// Named lines, texts aligned and wrapped: `  step     create …`.
pub fn facts(rows: &[(&str, String)], width: usize) -> String {
    let label_width = rows.iter().map(|(label, _)| columns(label)).max().unwrap_or(0).max(6) + 3;
    let mut out = String::new();
    for (label, text) in rows {
        let lines = limited(wrap(&clean(text), width.saturating_sub(label_width + 2).max(20)));
        let mut label = *label;
        for line in lines {
            let blanks = " ".repeat(label_width - columns(label));
            out.push_str(&format!("  {}{blanks}{line}\n", paint(style::STRONG, label)));
            label = "";
        }
    }
    out
}

/// Of a long text the beginning and the end: one says what happened, and the other, as in a log, why.
fn limited(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(TEXT_LINES);
    if more > 1 {
        drop(lines.splice(FIRST_LINES..FIRST_LINES + more, [format!("… {more} lines …")]));
    }
    lines
}

fn fitted(text: &str, width: usize) -> String {
    limited(wrap(&clean(text), width.max(20))).join("\n")
}

/// One snippet per file, the primary one first. Only the lines around the labels are handed on: files may be long.
fn snippets<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
    width: usize,
) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let Some(first) = diagnostic.primary.as_ref().or(diagnostic.secondary.first()) else { return Vec::new() };
    let mut labels: Vec<(&Label, AnnotationKind)> = Vec::new();
    labels.extend(diagnostic.primary.iter().map(|label| (label, AnnotationKind::Primary)));
    labels.extend(diagnostic.secondary.iter().take(PLACES).map(|label| (label, AnnotationKind::Context)));
    let mut files = vec![first.span.file];
    for (label, _) in &labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files
        .into_iter()
        .filter_map(|id| {
            let file = sources.file(id)?;
            let spans: Vec<_> = labels
                .iter()
                .filter(|(label, _)| label.span.file == id)
                .map(|(label, kind)| (shown_span(file, label.span), label, *kind))
                .collect();
            let start = spans.iter().map(|(span, ..)| span.start).min()?;
            let end = spans.iter().map(|(span, ..)| span.end).max()?;
            let start = file.text[..start].rfind('\n').map_or(0, |i| i + 1);
            let end = file.text[end..].find('\n').map_or(file.text.len(), |i| end + i);
            let line = file.text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
            let annotations = spans.into_iter().map(|(span, label, kind)| {
                let text = brief(&clean(&label.text), LABEL_LINES, width).into_owned();
                let text = if text.is_empty() { None } else { Some(text) };
                kind.span(span.start - start..span.end - start).label(text)
            });
            Some(
                Snippet::source(clean_source(&file.text[start..end]))
                    .line_start(line)
                    .path(&*file.name)
                    .annotations(annotations),
            )
        })
        .collect()
}

/// The bytes to underline: within the file, on character boundaries, not more than a few lines.
fn shown_span(file: &SourceFile, span: Span) -> std::ops::Range<usize> {
    let floor = |offset: usize| {
        let offset = offset.min(file.text.len());
        (0..=offset).rev().find(|i| file.text.is_char_boundary(*i)).unwrap_or(0)
    };
    let (start, mut end) = (floor(span.start as usize), floor(span.end as usize));
    if file.text[start..end].lines().count() > SOURCE_LINES {
        end = file.text[start..].find('\n').map_or(end, |i| start + i);
    }
    start..end.max(start)
}

/// Source with control characters made harmless, byte for byte, so that offsets stay right.
fn clean_source(text: &str) -> std::borrow::Cow<'_, str> {
    let bad = |c: char| c.is_ascii_control() && !matches!(c, '\n' | '\t' | '\r');
    if text.contains(bad) { text.replace(bad, "?").into() } else { text.into() }
}

/// A diagnostic as the fields of an event, without `type`.
pub fn to_json(diagnostic: &Diagnostic, sources: &Sources) -> Map<String, Json> {
    let mut fields = Map::new();
    fields.insert("severity".into(), json!(diagnostic.severity));
    fields.insert("code".into(), json!(diagnostic.code));
    fields.insert("message".into(), json!(diagnostic.message));
    if let Some(address) = &diagnostic.address {
        fields.insert("address".into(), json!(address));
    }
    if let Some(label) = &diagnostic.primary {
        if let Some((range, line)) = range(label.span, sources) {
            fields.insert("range".into(), range);
            fields.insert("snippet".into(), json!(line));
        }
        if !label.text.is_empty() {
            fields.insert("label".into(), json!(label.text));
        }
    }
    let also = |label: &Label| {
        let (range, _) = range(label.span, sources)?;
        Some(json!({"range": range, "label": label.text}))
    };
    let also: Vec<Json> = diagnostic.secondary.iter().filter_map(also).collect();
    if !also.is_empty() {
        fields.insert("also".into(), also.into());
    }
    let fact = |fact: &Fact| json!({"label": fact.label, "text": fact.text});
    fields.insert("facts".into(), diagnostic.facts.iter().map(fact).collect());
    fields.insert("notes".into(), json!(diagnostic.notes));
    fields.insert("help".into(), json!(diagnostic.help));
    fields
}

/// Start and end of a span, and the source line on which it starts.
fn range(span: Span, sources: &Sources) -> Option<(Json, String)> {
    let start = sources.location(span)?;
    let end = sources.location(Span { start: span.end, ..span })?;
    let position = |at: &Location, byte: u32| json!({"line": at.line, "column": at.column, "byte": byte});
    let text = &sources.file(span.file)?.text;
    let from = text.get(..span.start as usize)?.rfind('\n').map_or(0, |i| i + 1);
    let line = text[from..].lines().next().unwrap_or("").to_owned();
    let range = json!({
        "filename": &*start.file,
        "start": position(&start, span.start),
        "end": position(&end, span.end),
    });
    Some((range, line))
}

/// The document of `validate --json`, in the shape of Terraform's: `valid`, counts, diagnostics.
pub fn validation(diagnostics: &[Diagnostic], sources: &Sources) -> Json {
    let sorted = sorted(diagnostics, sources);
    let errors = sorted.iter().filter(|d| d.is_error()).count();
    json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": sorted.len() - errors,
        "diagnostics": sorted.iter().map(|d| Json::Object(to_json(d, sources))).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use insta::{assert_json_snapshot, assert_snapshot};

    use super::*;

    const MAIN: &str = include_str!("testdata/main.hcl");

    fn sources() -> (Sources, lazuli_core::FileId) {
        let mut sources = Sources::default();
        let id = sources.add("main.hcl", MAIN);
        (sources, id)
    }

    /// The place of `needle`, the first one after `context`.
    fn span(id: lazuli_core::FileId, context: &str, needle: &str) -> Span {
        let from = MAIN.find(context).unwrap();
        let start = from + MAIN[from..].find(needle).unwrap();
        Span::new(id, start, start + needle.len())
    }

    fn plain(diagnostics: &[Diagnostic], sources: &Sources) -> String {
        strip_str(&text(diagnostics, sources, 100)).to_string()
    }

    fn mistakes(id: lazuli_core::FileId) -> Vec<Diagnostic> {
        let typo = Diagnostic::error("LZ0103", "`worker_pool` has no attribute `instance_typ`")
            .at(span(id, "worker_pool", "instance_typ"), "did you mean `instance_type`?")
            .help("attributes of worker_pool: count, instance_type, zones, os_disk, labels, …  (docs/errors/LZ0103)");
        let quorum = Diagnostic::error("LZ0208", "2 control-plane nodes cannot hold an etcd quorum")
            .at(span(id, "count", "2"), "use 1, 3 or 5");
        vec![typo.clone(), quorum, typo]
    }

    #[test]
    fn mistakes_in_a_file_are_shown_where_they_are_in_order_and_once() {
        let (sources, id) = sources();
        assert_snapshot!(plain(&mistakes(id), &sources));
    }

    #[test]
    fn machines_get_the_same_with_positions() {
        let (sources, id) = sources();
        assert_json_snapshot!(validation(&mistakes(id), &sources));
    }

    #[test]
    fn whatever_is_said_fits_on_a_screen() {
        let (sources, id) = sources();
        let long = "word ".repeat(2_000);
        let mut diagnostic = Diagnostic::error("LZ0301", long.trim())
            .at(span(id, "cluster", "\"10.40.0.0/16\""), long.trim())
            .also_at(span(id, "count", "2"), long.trim())
            .help(long.clone());
        for _ in 0..20 {
            diagnostic = diagnostic.note(long.clone()).fact("Azure", long.clone());
        }
        let shown = plain(&[diagnostic], &sources);
        assert!(shown.contains("main.hcl:"), "{shown}");
        let rows: usize = shown.lines().map(|line| columns(line).div_ceil(100).max(1)).sum();
        assert!(rows <= SCREEN + 4, "{shown}");
    }

    #[test]
    fn of_a_long_text_the_beginning_and_the_end_are_shown() {
        let log: Vec<String> = (1..=30).map(|number| format!("line {number}.")).collect();
        let shown = facts(&[("error", log.join("\n"))], 100);
        let shown: Vec<&str> =
            shown.lines().map(|line| line.rsplit("   ").next().unwrap_or_default()).collect();
        assert_eq!(shown.len(), TEXT_LINES + 1);
        assert_eq!(
            (shown[3], shown[4], shown[5], shown[12]),
            ("line 4.", "… 18 lines …", "line 23.", "line 30.")
        );
    }

    #[test]
    fn several_places_notes_and_an_address_have_their_lines() {
        let (sources, id) = sources();
        let overlap = Diagnostic::error("LZ0301", "two subnets overlap")
            .at(span(id, "cluster", "\"10.40.0.0/16\""), "this range")
            .also_at(span(id, "cluster", "\"10.40.0.0/24\""), "contains this one")
            .about("cluster.prod.network.worker_subnet".parse().unwrap())
            .note("Azure refuses a virtual network with overlapping subnets")
            .help("choose another range inside 10.40.0.0/16");
        let deprecated = Diagnostic::warning("LZ0900", "`labels` on a pool is deprecated");
        assert_snapshot!(plain(&[overlap, deprecated], &sources));
    }

    #[test]
    fn a_failure_without_a_place_has_aligned_facts() {
        let long =
            "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone.";
        let failure =
            Diagnostic::error("LZ2107", "Azure has no capacity for Standard_D8s_v5 in zone 2 of eastus2")
                .fact("step", "create cluster.prod.worker_pool[\"general\"].node[\"2\"].vm")
                .fact("Azure", format!("409 ZonalAllocationFailed: {long}\ncorrelation id 5f0c  2026-11-22T14:05:10Z"))
                .fact("state", "the network interface exists and is recorded; the VM does not exist")
                .fact("next", "run `lazuli apply` again later, or change instance_type or zones of worker_pool \"general\" (main.hcl:52)");
        assert_snapshot!(plain(&[failure], &Sources::default()));
    }

    #[test]
    fn no_diagnostic_is_longer_than_a_screen_however_long_its_parts() {
        let mut sources = Sources::default();
        let text: String = (0..500).map(|i| format!("line {i}\n")).collect();
        let id = sources.add("long.hcl", text.as_str());
        let mut diagnostic = Diagnostic::error("LZ0001", "a block is never closed")
            .at(Span::new(id, 0, text.len()), "here")
            .fact("Azure", "word ".repeat(2_000))
            .help("try ".repeat(2_000));
        for i in 0..100 {
            diagnostic = diagnostic.note(format!("note {i}")).also_at(Span::new(id, i * 7, i * 7 + 3), "");
        }
        let lines = strip_str(&one(&diagnostic, &sources, 100)).to_string().lines().count();
        assert!(lines < 60, "{lines}");
    }

    #[test]
    fn spans_that_do_not_fit_do_no_harm() {
        let mut sources = Sources::default();
        let id = sources.add("a.hcl", "ä\n");
        for (start, end) in [(1, 2), (0, 900), (900, 901), (2, 3), (3, 3)] {
            let diagnostic = Diagnostic::error("LZ0001", "odd").at(Span::new(id, start, end), "here");
            assert!(one(&diagnostic, &sources, 80).contains("odd"));
            to_json(&diagnostic, &sources);
        }
        let elsewhere = Diagnostic::error("LZ0001", "odd").at(Span::new(lazuli_core::FileId(9), 0, 1), "x");
        assert!(one(&elsewhere, &sources, 80).contains("odd"));
    }

    #[test]
    fn escape_sequences_in_a_message_are_harmless() {
        let bad = Diagnostic::error("LZ0001", "a\u{1b}]0;title\u{7}b").fact("Azure", "x\u{1b}[2Jy");
        assert!(!plain(&[bad], &Sources::default()).contains('\u{1b}'));
    }
}

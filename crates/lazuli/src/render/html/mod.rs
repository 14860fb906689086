//! A report that stands alone: one HTML file without scripts and without anything from elsewhere, made of what the text
//! says. So it hides what the text hides.

mod ansi;

use super::svg::escape;

/// A part of the report.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// Its heading.
    pub title: String,
    /// Whether it is folded.
    pub folded: bool,
    /// What it holds.
    pub content: Content,
}

/// What a chapter holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// Text with the styles of a terminal.
    Text(String),
    /// A picture: SVG that `render` made.
    Picture(String),
}

/// How every report begins, which tells it from files of other kinds.
pub const BEGIN: &str = "<!doctype html>\n<!-- a report of lazuli -->\n";

/// The width of text in a report, in columns.
pub const WIDTH: usize = 120;

/// The whole file.
pub fn page(title: &str, facts: &[String], chapters: &[Chapter]) -> String {
    let mut out = format!(
        "{BEGIN}<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escape(title)
    );
    for fact in facts {
        out.push_str(&format!("<p>{}</p>\n", escape(fact)));
    }
    for Chapter { title, folded, content } in chapters {
        let open = if *folded { "" } else { " open" };
        out.push_str(&format!("<details{open}>\n<summary>{}</summary>\n", escape(title)));
        match content {
            Content::Text(text) => out.push_str(&format!("<pre>{}</pre>\n", ansi::html(text))),
            Content::Picture(svg) => out.push_str(&format!("<div class=\"picture\">\n{svg}</div>\n")),
        }
        out.push_str("</details>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.5rem}p{margin:.2rem 0}details{margin:1.5rem 0}summary{font-size:1.15rem;font-weight:600;cursor:pointer}\
pre{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace;overflow-x:auto;background:#f6f8fa;padding:1rem}\
.picture{overflow:auto;max-height:90vh}\
.b{font-weight:bold}.f{color:#57606a}.r{color:#cf222e}.g{color:#1a7f37}.y{color:#9a6700}.c{color:#1b7c83}";

#[cfg(test)]
mod tests {
    use lazuli_core::plan::Action;
    use serde_json::json;

    use super::*;
    use crate::render::specimens::{at, cluster, output, plan, rule_update, value};
    use crate::render::{plan as rendered, svg};

    fn report(plan: &lazuli_core::plan::Plan) -> String {
        let text = rendered::text(plan, &rendered::Context::default(), WIDTH, true);
        let picture = svg::topology(&svg::of_plan(plan)).unwrap();
        let chapter = |title: &str, content| Chapter { title: title.into(), folded: false, content };
        page(
            "Plan",
            &["<fact>".into()],
            &[chapter("Plan", Content::Text(text)), chapter("Picture", Content::Picture(picture))],
        )
    }

    #[test]
    fn a_report_is_what_the_text_says() {
        let told = report(&plan(rule_update()));
        let (head, rest) = told.split_once("<div class=\"picture\">").unwrap();
        assert!(rest.ends_with("</svg>\n</div>\n</details>\n</body>\n</html>\n"), "{rest}");
        insta::assert_snapshot!("report", head);
    }

    #[test]
    fn what_people_wrote_is_only_text_and_secrets_are_hidden() {
        let mut changes = cluster(Action::Create, 1);
        let group = at(&mut changes, "cluster.prod.network.virtual_network");
        group.after =
            Some(value(json!({"tags": {"a": "<img src=x onerror=alert(1)>\u{1b}[31m</pre><script>"}})));
        let mut plan = plan(changes);
        plan.outputs = vec![output("key", None, Some(value(json!("hunter2")).sensitive()), true)];
        let told = report(&plan);
        assert!(!told.contains("<img") && !told.contains("<script") && !told.contains("\u{1b}"), "{told}");
        assert!(told.contains("&lt;img src=x"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

//! From words to the arguments of programs.

use super::Shell;
use super::parse::{Part, Word};

impl Shell<'_> {
    /// The arguments that words stand for: what is not within quotes falls apart at blanks.
    pub(super) fn fields(&mut self, words: &[Word]) -> Vec<String> {
        let mut fields = Vec::new();
        for word in words {
            let mut field: Option<String> = None;
            for (part, is_quoted) in &word.0 {
                let is_text = matches!(part, Part::Text(_));
                let value = self.value(part);
                if *is_quoted || is_text {
                    field.get_or_insert_default().push_str(&value);
                    continue;
                }
                if value.starts_with(char::is_whitespace) {
                    fields.extend(field.take());
                }
                for (index, piece) in value.split_whitespace().enumerate() {
                    if index > 0 {
                        fields.extend(field.take());
                    }
                    field.get_or_insert_default().push_str(piece);
                }
                if value.ends_with(char::is_whitespace) {
                    fields.extend(field.take());
                }
            }
            fields.extend(field);
        }
        fields
    }

    /// The one text that a word stands for, as in an assignment.
    pub(super) fn fields_of_one(&mut self, word: &Word) -> String {
        word.0.iter().map(|(part, _)| self.value(part)).collect()
    }

    fn value(&mut self, part: &Part) -> String {
        match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) if name == "?" => self.status.to_string(),
            Part::Variable(name) => self.variables.get(name).cloned().unwrap_or_default(),
            Part::Trimmed { name, at_end, pattern } => {
                let value = self.variables.get(name).cloned().unwrap_or_default();
                trimmed(&value, *at_end, pattern).to_owned()
            }
            Part::Output(list) => {
                let before = self.exits;
                let ran = self.list(list, &[]);
                (self.exits, self.status) = (before, ran.status);
                String::from_utf8_lossy(&ran.stdout).trim_end_matches('\n').to_owned()
            }
            Part::Sum(sum) => self.sum(sum).to_string(),
        }
    }

    /// Numbers and variables, added and taken away.
    fn sum(&self, sum: &str) -> i64 {
        let spaced = sum.replace('+', " + ").replace('-', " - ");
        let (mut total, mut sign) = (0, 1);
        for word in spaced.split_whitespace() {
            match word {
                "+" => sign = 1,
                "-" => sign = -1,
                word => {
                    let name = word.trim_start_matches('$');
                    let value = self.variables.get(name).map_or(word, String::as_str);
                    total += sign * value.trim().parse::<i64>().unwrap_or(0);
                }
            }
        }
        total
    }
}

/// A text without the shortest beginning or end of a pattern, in which one `*` may stand.
fn trimmed<'v>(value: &'v str, at_end: bool, pattern: &str) -> &'v str {
    let stripped = match (at_end, pattern.split_once('*')) {
        (true, None) => value.strip_suffix(pattern),
        (false, None) => value.strip_prefix(pattern),
        (true, Some((head, ""))) => value.rfind(head).map(|at| &value[..at]),
        (false, Some(("", tail))) => value.find(tail).map(|at| &value[at + tail.len()..]),
        _ => None,
    };
    stripped.unwrap_or(value)
}

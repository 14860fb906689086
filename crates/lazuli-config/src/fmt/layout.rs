//! Lines, their indentation and their columns.
//!
//! A line has up to three cells: what leads, an assignment (`= …` when it ends on the line), a comment. Assignments of
//! lines that follow each other stand in one column, and so do comments.

use std::ops::Range;

use super::spacing::blank_between;
use crate::text;
use crate::token::{Kind, Token};

/// Blanks of one level of indentation.
const INDENT: u32 = 2;

/// A line as ranges of tokens; the cells follow each other.
struct Line {
    lead: Range<usize>,
    assignment: Range<usize>,
    comment: Range<usize>,
}

/// The tokens as text, with the blanks that belong between them.
pub(super) fn layout(mut tokens: Vec<Token<'_>>) -> String {
    let lines = lines(&tokens);
    indent(&mut tokens, &lines);
    for line in &lines {
        space(&mut tokens[line.lead.clone()]);
        space(&mut tokens[line.assignment.clone()]);
    }
    align(&mut tokens, &lines, |line| &line.assignment);
    align(&mut tokens, &lines, |line| &line.comment);
    let mut text = String::with_capacity(tokens.iter().map(|t| t.text.len() + t.blanks as usize).sum());
    for token in tokens {
        text.extend(std::iter::repeat_n(' ', token.blanks as usize));
        text.push_str(token.text);
    }
    text
}

fn lines(tokens: &[Token<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (i, token) in tokens.iter().enumerate() {
        let end = match token.kind {
            Kind::End => i,
            _ if token.ends_line() => i + 1,
            _ => continue,
        };
        lines.push(cells(tokens, start..end));
        start = end;
    }
    lines
}

fn cells(tokens: &[Token<'_>], line: Range<usize>) -> Line {
    let mut end = line.end;
    if line.len() > 1 && tokens[end - 1].kind == Kind::Comment {
        end -= 1;
    }
    let equals = (line.start + 1..end).find(|i| tokens[*i].kind == Kind::Equals);
    // A value that goes on in the next line is no cell.
    let cell = equals.filter(|start| tokens[*start..end].iter().map(Token::nesting).sum::<i32>() == 0);
    let assignment = cell.unwrap_or(end);
    Line { lead: line.start..assignment, assignment: assignment..end, comment: end..line.end }
}

/// One level for each line that opens more brackets than it closes, however many those are.
fn indent(tokens: &mut [Token<'_>], lines: &[Line]) {
    let mut levels: Vec<i32> = Vec::new();
    for line in lines {
        let Some(first) = tokens[line.lead.clone()].first() else { continue };
        if first.kind == Kind::LineEnd {
            tokens[line.lead.start].blanks = 0;
            continue;
        }
        // What follows `<<EOT` in the same cell is inside the heredoc.
        let opened = |cell: &Range<usize>| -> i32 {
            let outside = tokens[cell.clone()].iter().take_while(|t| t.kind != Kind::OpenHeredoc);
            outside.map(Token::nesting).sum()
        };
        let opened = opened(&line.lead) + opened(&line.assignment);
        let mut closed = -opened;
        while closed > 0
            && let Some(level) = levels.pop()
        {
            if level > closed {
                levels.push(level - closed);
            }
            closed -= level;
        }
        tokens[line.lead.start].blanks = INDENT * u32::try_from(levels.len()).unwrap_or(0);
        if opened > 0 {
            levels.push(opened);
        }
    }
}

/// The blanks between the tokens of a cell.
fn space(cell: &mut [Token<'_>]) {
    for i in 1..cell.len() {
        let before = i.checked_sub(2).map(|before| cell[before]);
        cell[i].blanks = u32::from(blank_between(before.as_ref(), &cell[i - 1], &cell[i]));
    }
}

/// Puts cells of lines that follow each other into one column.
fn align(tokens: &mut [Token<'_>], lines: &[Line], cell: impl Fn(&Line) -> &Range<usize>) {
    for run in lines.chunk_by(|a, b| cell(a).is_empty() == cell(b).is_empty()) {
        if run.iter().any(|line| cell(line).is_empty()) {
            continue;
        }
        let widths: Vec<usize> =
            run.iter().map(|line| width(&tokens[line.lead.start..cell(line).start])).collect();
        let widest = widths.iter().copied().max().unwrap_or(0);
        for (line, width) in run.iter().zip(widths) {
            tokens[cell(line).start].blanks = u32::try_from(widest - width + 1).unwrap_or(1);
        }
    }
}

/// How wide tokens are, in characters as people count them.
fn width(tokens: &[Token<'_>]) -> usize {
    tokens.iter().map(|token| token.blanks as usize + text::characters(token.text)).sum()
}

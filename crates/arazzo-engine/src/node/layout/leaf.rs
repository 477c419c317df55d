//! The lines of block scalars.

/// The lines of a text behind `|` or `>`, and the byte behind them: `start` is that of its first line, `end` one that is
/// not before its last.
pub(super) fn block(text: &str, start: usize, end: usize, header: &str) -> (Vec<String>, usize) {
    let body = text.get(start..end.max(start)).unwrap_or_default();
    // The range of a text may end in the line of what follows it.
    let body = match body.rfind('\n') {
        Some(last) if body.get(last + 1..).is_some_and(|rest| rest.trim().is_empty()) => body.get(..=last),
        _ => Some(body),
    };
    let body = body.unwrap_or_default();
    let mut lines: Vec<String> = body.split_terminator('\n').map(str::to_owned).collect();
    if header.contains('+') {
        return (lines, start + body.len());
    }
    let indent = lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| spaces(line));
    while lines.last().is_some_and(|line| line.trim().is_empty() && line.len() <= indent) {
        lines.pop();
    }
    let length: usize = lines.iter().map(|line| line.len() + 1).sum();
    // The line break of the last line is left, as behind every value.
    (lines, (start + length).saturating_sub(1).max(start.saturating_sub(1)))
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The lines without their indentation, which is that of the first one where it is not said.
pub(super) fn unindent(lines: &[String], indent: Option<usize>) -> Vec<String> {
    let first = || lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| spaces(line));
    let indent = indent.unwrap_or_else(first);
    lines.iter().map(|line| line.get(indent.min(spaces(line))..).unwrap_or_default().to_owned()).collect()
}

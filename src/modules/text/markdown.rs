//! Markdown in pieces: each belongs to one heading, which stands at its beginning.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::pieces::{Cut, pieces};

/// What pieces contain.
#[derive(Clone, Copy, Default, Debug)]
pub struct Style {
    /// Blocks of code.
    pub code_blocks: bool,
    /// The targets of links by name, in place of the names.
    pub reference_links: bool,
    /// All headings above, not the last alone.
    pub heading_hierarchy: bool,
    /// As many rows of a table as fit; otherwise every row is a piece. Each has the head of its table.
    pub join_table_rows: bool,
}

/// A part of a document.
enum Block {
    Heading { level: usize, text: String },
    Text(String),
    Table { head: String, rows: Vec<String> },
}

/// The pieces of a document.
pub fn markdown_pieces(text: &str, cut: &Cut, style: Style) -> Vec<String> {
    let mut found = Vec::new();
    let mut headings: Vec<(usize, String)> = Vec::new();
    let mut body: Vec<String> = Vec::new();
    for block in blocks(text, style) {
        match block {
            Block::Heading { level, text } => {
                finish(&mut body, &headings, cut, style, &mut found);
                headings.retain(|(above, _)| *above < level);
                headings.push((level, text));
            }
            Block::Text(text) => body.push(text),
            Block::Table { head, rows } => {
                finish(&mut body, &headings, cut, style, &mut found);
                let title = title(&headings, style);
                for rows in row_groups(&head, rows, cut, style, &title) {
                    found.push(format!("{title}{head}{rows}"));
                }
            }
        }
    }
    finish(&mut body, &headings, cut, style, &mut found);
    found
}

/// The headings at the beginning of a piece.
fn title(headings: &[(usize, String)], style: Style) -> String {
    let from = if style.heading_hierarchy { 0 } else { headings.len().saturating_sub(1) };
    headings[from..].iter().map(|(_, text)| format!("{text}\n")).collect()
}

/// Makes pieces of what stands under a heading.
fn finish(body: &mut Vec<String>, headings: &[(usize, String)], cut: &Cut, style: Style, found: &mut Vec<String>) {
    if body.is_empty() {
        return;
    }
    let title = title(headings, style);
    // A title that leaves no room to speak of is not counted.
    let left = cut.size.saturating_sub(title.chars().count());
    let size = if left >= cut.size.div_ceil(2) { left } else { cut.size };
    let cut = Cut { size, overlap: cut.overlap.min(size - 1), ..cut.clone() };
    let text = std::mem::take(body).join("\n\n");
    found.extend(pieces(&text, &cut).into_iter().map(|piece| format!("{title}{piece}")));
}

/// The rows of a table that go together, each behind the end of a line.
fn row_groups(head: &str, rows: Vec<String>, cut: &Cut, style: Style, title: &str) -> Vec<String> {
    if rows.is_empty() {
        return vec![String::new()];
    }
    let room = cut.size.saturating_sub(head.chars().count() + title.chars().count());
    let mut groups: Vec<(String, usize)> = Vec::new();
    for row in rows {
        let len = row.chars().count() + 1;
        match groups.last_mut().filter(|(_, filled)| style.join_table_rows && filled + len <= room) {
            Some((group, filled)) => {
                group.push('\n');
                group.push_str(&row);
                *filled += len;
            }
            None => groups.push((format!("\n{row}"), len)),
        }
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

/// The parts of a document in order.
fn blocks(text: &str, style: Style) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut depth = 0usize;
    // What the outermost block is, and of a table its rows.
    let mut rows: Vec<Range<usize>> = Vec::new();
    let mut link: Option<Link> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        if let Some(link) = &mut link
            && !matches!(event, Event::End(TagEnd::Link))
        {
            link.content = link.content.start.min(range.start)..link.content.end.max(range.end);
        }
        match event {
            Event::Start(tag) => {
                match tag {
                    Tag::TableHead | Tag::TableRow => rows.push(range),
                    Tag::Link { link_type, dest_url, title, .. } if style.reference_links && is_named(link_type) => {
                        link = Some(Link { target: target(&dest_url, &title), content: range.end..range.start });
                    }
                    _ => {}
                }
                depth += 1;
            }
            Event::End(tag) => {
                depth -= 1;
                match tag {
                    TagEnd::Link => {
                        if let Some(link) = link.take().filter(|link| !link.content.is_empty()) {
                            changes.push((range.clone(), format!("[{}]({})", &text[link.content], link.target)));
                        }
                    }
                    TagEnd::Table if depth == 0 => {
                        let changed = |row: &Range<usize>| changed(text, row.clone(), &changes);
                        // The head goes to the end of the line that underlines it.
                        let first = rows.get(1).map_or(range.end, |row| row.start);
                        let head = rows.first().map_or(range.start, |row| row.start);
                        blocks.push(Block::Table {
                            head: changed(&(head..first)),
                            rows: rows.iter().skip(1).map(changed).collect(),
                        });
                    }
                    _ => {}
                }
                if depth == 0 {
                    match tag {
                        TagEnd::Heading(level) => {
                            blocks.push(Block::Heading { level: level as usize, text: changed(text, range, &changes) });
                        }
                        TagEnd::CodeBlock if !style.code_blocks => {}
                        TagEnd::Table => {}
                        _ => blocks.push(Block::Text(changed(text, range, &changes))),
                    }
                    changes.clear();
                    rows.clear();
                }
            }
            // A rule is no content.
            _ => {}
        }
    }
    blocks
}

/// A link by name that is being read.
struct Link {
    target: String,
    content: Range<usize>,
}

fn is_named(link: LinkType) -> bool {
    matches!(link, LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut)
}

fn target(url: &str, title: &str) -> String {
    if title.is_empty() { url.to_owned() } else { format!("{url} \"{title}\"") }
}

/// A part of the text after some changes within it, without the white space around it.
fn changed(text: &str, part: Range<usize>, changes: &[(Range<usize>, String)]) -> String {
    let (mut result, mut at) = (String::new(), part.start);
    for (range, replacement) in changes {
        if range.start < at || range.end > part.end {
            continue;
        }
        result.push_str(&text[at..range.start]);
        result.push_str(replacement);
        at = range.end;
    }
    result.push_str(&text[at..part.end]);
    result.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(size: usize) -> Cut {
        let separators = ["\n\n", "\n", " ", ""].map(str::to_owned).to_vec();
        Cut { size, overlap: 0, separators, keep_separator: false }
    }

    fn split(text: &str, size: usize, style: Style) -> Vec<String> {
        markdown_pieces(text, &cut(size), style)
    }

    const DOCUMENT: &str =
        "Before.\n\n# One\n\nText of *one*.\n\n## Two\n\n- a\n- b\n\n```\ncode\n```\n\n# Three\n\nEnd.\n";

    #[test]
    fn pieces_begin_with_their_heading() {
        let plain = split(DOCUMENT, 500, Style::default());
        assert_eq!(plain, ["Before.", "# One\nText of *one*.", "## Two\n- a\n- b", "# Three\nEnd."]);
        let all = Style { code_blocks: true, heading_hierarchy: true, ..Style::default() };
        let full = split(DOCUMENT, 500, all);
        assert_eq!(full[2], "# One\n## Two\n- a\n- b\n\n```\ncode\n```");
        assert_eq!(full[3], "# Three\nEnd.");
        let long = format!("# Title\n\n{}", "word ".repeat(30));
        let found = split(&long, 40, Style::default());
        assert!(found.len() > 3 && found.iter().all(|piece| piece.starts_with("# Title\nword") && piece.len() <= 40));
    }

    #[test]
    fn rows_of_tables_have_their_head() {
        let table = "# T\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n\nafter\n";
        let head = "# T\n| a | b |\n| --- | --- |\n";
        let rows = split(table, 100, Style::default());
        assert_eq!(rows, [format!("{head}| 1 | 2 |"), format!("{head}| 3 | 4 |"), "# T\nafter".to_owned()]);
        let joined = Style { join_table_rows: true, ..Style::default() };
        assert_eq!(split(table, 100, joined)[0], format!("{head}| 1 | 2 |\n| 3 | 4 |"));
        assert_eq!(split(table, 45, joined).len(), 3);
    }

    #[test]
    fn names_of_links_become_targets() {
        let text = "See [the *site*][site], [site] and [it](http://c).\n\n[site]: http://a/b \"Title\"\n";
        assert_eq!(split(text, 500, Style::default()), ["See [the *site*][site], [site] and [it](http://c)."]);
        let linked = Style { reference_links: true, ..Style::default() };
        let target = "(http://a/b \"Title\")";
        let expected = format!("See [the *site*]{target}, [site]{target} and [it](http://c).");
        assert_eq!(split(text, 500, linked), [expected]);
    }
}

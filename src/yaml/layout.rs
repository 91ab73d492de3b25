//! How a YAML text is laid out: the order of its keys, its blanks and its comments, and nothing of what it says.
//!
//! The only file that names `yaml_parser` and `pretty_yaml`, one project in Rust alone: a parser whose tree has every byte
//! of the text, and what prints such a tree anew (dprint formats YAML with it). Of the others that lose nothing,
//! `yaml-edit` 0.3 edits values but lays nothing out, and `yamlpatch` brings a parser in C. What either gets wrong is
//! found here: a text that does not say the same afterwards is not given out.

use std::ops::Range;

use pretty_yaml::{
    config::{FormatOptions, LanguageOptions, LayoutOptions},
    format_text,
};
use yaml_parser::{SyntaxKind, SyntaxNode};

use super::{DocPath, Parsed, early, parse, path::Segment, scalar};

/// The longest line that brackets stay on, in characters.
const WIDTH: usize = 120;
/// How many characters stand before a comment behind a value, unless the line is longer.
const COMMENT: usize = 40;
/// How often a text is laid out anew until that changes nothing any more.
const ROUNDS: usize = 5;

/// The keys of the mapping at a path in the order in which they should come; what is not named comes last, as it is.
pub type Order<'a> = &'a dyn Fn(&DocPath) -> Vec<String>;

/// The same document, laid out anew; none if that can't be done without changing what it says.
///
/// Keys stay in their order where moving one would take an anchor behind its alias.
pub fn laid_out(text: &str, order: Order<'_>) -> Option<String> {
    let crlf = text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    let plain = text.replace("\r\n", "\n");
    let says = parse(&plain).ok()?;
    let settled = |order: Order<'_>| settled(&plain, order).filter(|new| says_the_same(&says, new));
    let new = settled(order).or_else(|| settled(&|_| Vec::new()))?;
    let new = if crlf { new.replace('\n', "\r\n") } else { new };
    says_the_same(&parse(text).ok()?, &new).then_some(new)
}

/// The text after which laying it out changes nothing any more.
fn settled(text: &str, order: Order<'_>) -> Option<String> {
    // Keys are moved in a text that is indented as it will be: a comment may else become part of a text above it.
    let mut last = printed(text)?;
    for _ in 0..ROUNDS {
        let next = aligned(&printed(&ordered(&last, order)?)?)?;
        if next == last {
            return Some(next);
        }
        last = next;
    }
    None
}

fn says_the_same(says: &Parsed, new: &str) -> bool {
    let same = |new: &Parsed| new.value == says.value && new.repeated == says.repeated;
    parse(new).is_ok_and(|new| same(&new))
}

fn tree(text: &str) -> Option<SyntaxNode> {
    if early::refusal(text).is_some() {
        return None;
    }
    yaml_parser::parse(text).ok()
}

fn printed(text: &str) -> Option<String> {
    let layout = LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() };
    let language = LanguageOptions { trailing_comma: false, ..LanguageOptions::default() };
    let new = format_text(text, &FormatOptions { layout, language }).ok()?;
    with_feet(text, &new)
}

/// `new`, which was printed from `old`, with the comments at the ends of blocks where they were: within the block, and
/// not at the indentation of what follows it.
fn with_feet(old: &str, new: &str) -> Option<String> {
    let (before, after) = (Lines::of(old)?, Lines::of(new)?);
    let mut lines: Vec<String> = new.split_inclusive('\n').map(str::to_owned).collect();
    for (was, is) in before.comments.iter().zip(&after.comments) {
        let level = before.levels(*was).iter().position(|level| *level == before.indents[*was]);
        let next = before.indent_below(*was);
        if let Some(level) = level.filter(|_| before.indents[*was] > next)
            && let Some(indent) = after.levels(*is).get(level)
        {
            lines[*is] = format!("{}{}", " ".repeat(*indent), lines[*is].trim_start());
        }
    }
    (before.comments.len() == after.comments.len()).then(|| lines.concat())
}

/// The lines of a text.
struct Lines<'a> {
    all: Vec<&'a str>,
    /// How far each is indented.
    indents: Vec<usize>,
    /// Those that are comments and nothing else.
    comments: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let all: Vec<&str> = text.split_inclusive('\n').collect();
        let indents = all.iter().map(|line| line.len() - line.trim_start_matches(' ').len()).collect();
        let starts = line_starts(text);
        let line = |byte: usize| starts.partition_point(|start| *start <= byte) - 1;
        let own = |byte: &usize| all[line(*byte)].trim_start().starts_with('#');
        let comments = comments(&tree(text)?).into_iter().filter(own).map(line).collect();
        Some(Self { all, indents, comments })
    }

    /// Where the blocks are indented that a line can be in, the innermost first: those of the lines above it.
    fn levels(&self, line: usize) -> Vec<usize> {
        let mut levels = Vec::new();
        for above in (0..line).rev().filter(|above| !is_gap(self.all[*above])) {
            let text = self.all[above].trim_start_matches(' ');
            let item = text.len() - text.trim_start_matches(['-', ' ']).len();
            let is_item = text.starts_with("- ");
            for indent in [is_item.then_some(self.indents[above] + item), Some(self.indents[above])]
                .into_iter()
                .flatten()
            {
                if levels.last().is_none_or(|last| indent < *last) {
                    levels.push(indent);
                }
            }
            if self.indents[above] == 0 {
                break;
            }
        }
        levels
    }

    /// How far the next line is indented that is neither blank nor a comment.
    fn indent_below(&self, line: usize) -> usize {
        (line + 1..self.all.len())
            .find(|below| !is_gap(self.all[*below]))
            .map_or(0, |below| self.indents[below])
    }
}

/// Puts the comments that stand behind something into one column.
fn aligned(text: &str) -> Option<String> {
    let (mut new, mut done) = (String::new(), 0);
    for start in comments(&tree(text)?) {
        let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let before = text[line..start].trim_end();
        if !before.is_empty() {
            let gap = COMMENT.saturating_sub(before.chars().count()).max(2);
            new.push_str(&text[done..line + before.len()]);
            new.push_str(&" ".repeat(gap));
            done = start;
        }
    }
    new.push_str(&text[done..]);
    Some(new)
}

/// The first byte of each comment.
fn comments(tree: &SyntaxNode) -> Vec<usize> {
    let tokens = tree.descendants_with_tokens().filter_map(|it| it.into_token());
    let comments = tokens.filter(|token| token.kind() == SyntaxKind::COMMENT);
    comments.map(|comment| comment.text_range().start().into()).collect()
}

/// The text with the keys of its mappings in order.
fn ordered(text: &str, order: Order<'_>) -> Option<String> {
    let flow = ordered_flow(&tree(text)?, &DocPath::default(), order);
    let mut maps = Vec::new();
    block_maps(&tree(&flow)?, &DocPath::default(), &mut maps);
    let starts = line_starts(&flow);
    let mut lines: Vec<String> = flow.split_inclusive('\n').map(str::to_owned).collect();
    // The inner ones first: what they change stays within the lines that the outer ones move.
    for (path, map) in maps.iter().rev() {
        BlockMap::of(map, &flow, &starts).reorder(&mut lines, &order(path));
    }
    Some(lines.concat())
}

/// The text of a node with the keys of all `{…}` in it in order, but for those with comments in them.
fn ordered_flow(node: &SyntaxNode, path: &DocPath, order: Order<'_>) -> String {
    let is_entries = node.kind() == SyntaxKind::FLOW_MAP_ENTRIES && comments(node).is_empty();
    let mut entries = Vec::new();
    if is_entries {
        entries = node.children().filter(|child| child.kind() == SyntaxKind::FLOW_MAP_ENTRY).collect();
        let keys: Vec<Option<String>> = entries.iter().map(key).collect();
        sort(&mut entries, &keys, &order(path));
    }
    let (mut text, mut next, mut item) = (String::new(), entries.into_iter(), 0);
    for child in node.children_with_tokens() {
        let Some(child) = child.as_node() else {
            text.push_str(child.as_token().map_or("", |token| token.text()));
            continue;
        };
        let is_entry = child.kind() == SyntaxKind::FLOW_MAP_ENTRY;
        let child = if is_entry { next.next().unwrap_or_else(|| child.clone()) } else { child.clone() };
        text.push_str(&ordered_flow(&child, &below(&child, path, &mut item), order));
    }
    text
}

/// All mappings in block style below a node, the outer ones first, with their paths.
fn block_maps(node: &SyntaxNode, path: &DocPath, found: &mut Vec<(DocPath, SyntaxNode)>) {
    if node.kind() == SyntaxKind::BLOCK_MAP {
        found.push((path.clone(), node.clone()));
    }
    let mut item = 0;
    for child in node.children() {
        block_maps(&child, &below(&child, path, &mut item), found);
    }
}

/// The path of a node's child; `item` counts the items of a sequence.
fn below(child: &SyntaxNode, path: &DocPath, item: &mut usize) -> DocPath {
    match child.kind() {
        SyntaxKind::BLOCK_MAP_ENTRY | SyntaxKind::FLOW_MAP_ENTRY => {
            path.join(Segment::Key(key(child).unwrap_or_default()))
        }
        SyntaxKind::BLOCK_SEQ_ENTRY | SyntaxKind::FLOW_SEQ_ENTRY => {
            *item += 1;
            path.join(*item - 1)
        }
        _ => path.clone(),
    }
}

/// The key of an entry, if it is text.
fn key(entry: &SyntaxNode) -> Option<String> {
    let is_key =
        |child: &SyntaxNode| matches!(child.kind(), SyntaxKind::BLOCK_MAP_KEY | SyntaxKind::FLOW_MAP_KEY);
    let text = entry.children().find(is_key)?.text().to_string();
    let is_plain = text.chars().all(|char| char.is_ascii_alphabetic() || char == '_');
    if is_plain { Some(text) } else { scalar(&text)?.as_str().map(str::to_owned) }
}

/// Sorts entries by the place of their keys in `order`; others keep their order, behind those.
fn sort<T>(entries: &mut Vec<T>, keys: &[Option<String>], order: &[String]) {
    let place = |key: &Option<String>| {
        order.iter().position(|known| Some(known) == key.as_ref()).unwrap_or(order.len())
    };
    let mut placed: Vec<_> = keys.iter().map(place).zip(entries.drain(..)).collect();
    placed.sort_by_key(|(place, _)| *place);
    entries.extend(placed.into_iter().map(|(_, entry)| entry));
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// A mapping in block style, by lines.
struct BlockMap {
    keys: Vec<Option<String>>,
    /// Where each entry begins and ends: the lines, and the column of its first character in bytes.
    entries: Vec<(Range<usize>, usize)>,
}

impl BlockMap {
    fn of(map: &SyntaxNode, text: &str, starts: &[usize]) -> Self {
        let line = |byte: usize| starts.partition_point(|start| *start <= byte) - 1;
        let entries: Vec<_> = map.children().filter(|it| it.kind() == SyntaxKind::BLOCK_MAP_ENTRY).collect();
        let lines = |entry: &SyntaxNode| {
            let (start, end) = (usize::from(entry.text_range().start()), last_byte(entry, text));
            (line(start)..line(end) + 1, start - starts[line(start)])
        };
        Self { keys: entries.iter().map(key).collect(), entries: entries.iter().map(lines).collect() }
    }

    /// Puts the entries' lines in order, each with the comments above and behind it.
    fn reorder(&self, lines: &mut [String], order: &[String]) {
        let Some(chunks) = self.chunks(lines).filter(|_| !order.is_empty()) else { return };
        let (start, end) = (chunks[0].start, chunks[chunks.len() - 1].end);
        let (first, column) = (self.entries[0].0.start, self.entries[0].1);
        let mut moved: Vec<Vec<String>> = chunks.into_iter().map(|chunk| lines[chunk].to_vec()).collect();
        // Before the first one there may be `- `.
        let head = lines[first][..column].to_owned();
        moved[0][first - start].replace_range(..column, &" ".repeat(column));
        sort(&mut moved, &self.keys, order);
        let is_led = !head.trim().is_empty() && is_gap(&moved[0][0]);
        if is_led || moved.iter().flatten().any(|line| !line.ends_with('\n')) {
            return;
        }
        let mut moved = moved.concat();
        if !head.trim().is_empty() {
            moved[0].replace_range(..column, &head);
        }
        lines[start..end].iter_mut().zip(moved).for_each(|(line, moved)| *line = moved);
    }

    /// The lines of each entry; none if they can't be told apart.
    fn chunks(&self, lines: &[String]) -> Option<Vec<Range<usize>>> {
        let apart = self.entries.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
        let (first, column) = self.entries.first().filter(|_| apart && self.entries.len() > 1)?;
        let mut start = if lines[first.start][..*column].trim().is_empty() {
            lead(lines, first.start, *column == 0)
        } else {
            first.start
        };
        let mut chunks = Vec::new();
        for (i, (entry, column)) in self.entries.iter().enumerate() {
            let limit = self.entries.get(i + 1).map_or(lines.len(), |(next, _)| next.start);
            let end = entry.end + foot(&lines[entry.end..limit], *column);
            chunks.push(start..end);
            start = end;
        }
        Some(chunks)
    }
}

/// The last byte of a node that is neither blank nor in a comment.
fn last_byte(node: &SyntaxNode, text: &str) -> usize {
    let mut token = node.last_token();
    while let Some(last) = token {
        let start = usize::from(last.text_range().start());
        let is_blank = last.text().trim().is_empty();
        if last.kind() != SyntaxKind::COMMENT && !is_blank {
            let end = usize::from(last.text_range().end());
            return start + text[start..end].trim_end().len() - 1;
        }
        token = last.prev_token();
    }
    node.text_range().start().into()
}

/// Whether a line has nothing but blanks or a comment.
fn is_gap(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The first of the lines above an entry that belong to it: comments and blank lines. Above the first key of the file,
/// only the comments after the last blank line do; the others are the head of the file.
fn lead(lines: &[String], entry: usize, of_file: bool) -> usize {
    let above = lines[..entry].iter().rev().take_while(|line| is_gap(line));
    let lead = entry - above.count();
    if !of_file {
        return lead;
    }
    let blank = lines[lead..entry].iter().rposition(|line| line.trim().is_empty());
    blank.map_or(entry, |blank| lead + blank + 1)
}

/// How many of the lines below an entry are comments on it: those that are indented further than it is.
fn foot(below: &[String], column: usize) -> usize {
    let is_foot = |line: &&String| {
        let text = line.trim_start_matches(' ');
        text.starts_with('#') && line.len() - text.len() > column
    };
    below.iter().take_while(is_foot).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(path: &DocPath) -> Vec<String> {
        let keys = match path.0.len() {
            0 => "version name seed nodes",
            2 => "type model dataset lr epochs",
            _ => "type scale p",
        };
        keys.split(' ').map(str::to_owned).collect()
    }

    fn done(text: &str) -> String {
        let new = laid_out(text, &order).unwrap_or_else(|| panic!("can be laid out:\n{text}"));
        assert_eq!(laid_out(&new, &order).unwrap(), new, "it is done at once");
        new
    }

    #[test]
    fn keys_come_in_order_and_comments_stay_with_them() {
        let text = "# modeline
# head
name: x   # the name

# about the nodes
nodes:
    # about b
    b: { epochs: 3,   type: train , model: net} # flow


    a:   # behind a
        # about epochs
        epochs: 3 # behind epochs
        unknown: 1

        lr:   0.1
        # about type
        type:  train
        # optional: 1
    # about c
    c:
      list:
      - p: 0.4 # chance
        type: crop
      -   scale: [ 0.5,1 ]
          # of this one
          type: flip
      type: transforms # last
# about the version
version: 1
# end
";
        insta::assert_snapshot!(done(text));
    }

    #[test]
    fn a_comment_at_the_end_of_a_block_stays_in_it() {
        let text = "nodes:\n  a:\n    type: train                         # why\n    # lr: 1\n  b:\n    list:\n      - p: 1                            # x\n        # in the item\n      # in the list\n    # in b\n  # in nodes\nother: 1\n";
        assert_eq!(done(text), text);
        let wide = "nodes:\n    a:\n        type: train # why\n        # lr: 1\n    b: {}\n";
        assert!(done(wide).contains("why\n    # lr: 1\n  b: {}"), "{}", done(wide));
    }

    #[test]
    fn a_text_that_is_laid_out_stays_as_it_is() {
        let text = "# modeline\nversion: 1\nname: p\n\nnodes:\n  a:\n    type: train                         # why\n  b: { type: val, model: a }\n";
        assert_eq!(done(text), text);
    }

    #[test]
    fn what_it_says_never_changes() {
        // An alias stays behind its anchor.
        let text = "nodes:\n  a:\n    epochs: &n 3\n    lr: *n\n    type: train\n";
        assert_eq!(done(text), text);
        for text in [
            "name: x\r\nversion: 1\r\nnodes:\r\n  t: |\r\n    a\r\n\r\n    b\r\n",
            "name: 'it''s'\nversion: 1",
            "nodes: {a: {t: \"a\\n\n  b\", # c\n type: x}}\n",
            "? name\n: x\nversion: 1\n",
            "---\nname: x\nversion: 1\n",
            "name: a b\n  c\n\n  d\nversion: 1\n",
            "nodes:\n  a:\n    - >-\n     x\n      y\n    - - 1\n      -\n        2\n",
            "name:\t1\t# tab\nversion: 1\n",
        ] {
            done(text);
        }
        // Lines at the end of a text that the printer would drop.
        assert_eq!(laid_out("nodes:\n  a:\n    t: |+\n      text\n\n\n    type: x\n", &order), None);
        assert!(done("name: x\r\nversion: 1\r\n").starts_with("version: 1\r\nname: x\r\n"));
    }

    /// A mapping's text at an indentation.
    fn mapping(depth: u32) -> BoxedStrategy<String> {
        let leaf = prop_oneof![
            "[a-z0-9.]{1,5}",
            Just("'q: #'".to_owned()),
            Just("\"a\\\\n\"".to_owned()),
            Just("[1,  {a: b},2]".to_owned()),
            Just("{ p: 1,type: x }".to_owned()),
            Just("&a 1".to_owned()),
            Just("*a".to_owned()),
            Just("~".to_owned()),
            Just("${params.lr}".to_owned()),
            Just("|\n@@text\n\n@@  more".to_owned()),
            Just(">-\n@@a\n@@b".to_owned()),
            Just("|+\n@@a\n\n".to_owned()),
            Just("a\n@@b".to_owned()),
            Just(String::new()),
        ]
        .boxed();
        let value = if depth == 0 {
            leaf
        } else {
            prop_oneof![3 => leaf, 2 => mapping(depth - 1).prop_map(|map| format!("\n{}", indented(&map))),
                1 => mapping(depth - 1).prop_map(|map| format!("\n  - {}", indented(&indented(&map)).trim_start()))].boxed()
        };
        let key = prop_oneof!["type", "name", "p", "[a-z]{1,3}", Just("\"k\"".to_owned())];
        let comment = prop_oneof![4 => Just(String::new()), 1 => Just("  # behind".to_owned())];
        let above = prop_oneof![5 => Just(String::new()), 1 => Just("# above\n".to_owned()), 1 => Just("\n\n".to_owned()), 1 => Just("   # odd\n".to_owned())];
        let entry = (above, key, value, comment).prop_map(|(above, key, value, comment)| {
            let value = value.replace("@@", "  ");
            let comment = if value.contains('\n') { String::new() } else { comment };
            format!("{above}{key}: {value}{comment}\n")
        });
        prop::collection::vec(entry, 1..5).prop_map(|entries| entries.concat()).boxed()
    }

    fn indented(text: &str) -> String {
        text.lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn any_document_says_the_same_with_the_same_comments(text in mapping(2), crlf: bool, end: bool) {
            let text = if end { text } else { text.trim_end().to_owned() };
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            let Ok(says) = parse(&text) else { return Ok(()) };
            let Some(new) = laid_out(&text, &order) else { return Ok(()) };
            prop_assert!(says_the_same(&says, &new));
            prop_assert_eq!(laid_out(&new, &order), Some(new.clone()));
            let count = |text: &str| ["# above", "# behind", "# odd"].map(|comment| text.matches(comment).count());
            prop_assert_eq!(count(&new), count(&text));
        }

        #[test]
        fn nothing_makes_it_fail(text in "([a-c#&*!|>?{}\\[\\]:,'\"\n -]|- |: |\n  ){0,40}") {
            let _ = laid_out(&text, &order);
        }
    }
}

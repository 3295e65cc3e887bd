//! README as data: its marked tables, its marked examples, its links.

const README: &str = include_str!("../../README.md");

/// The whole text.
pub(crate) fn text() -> &'static str {
    README
}

/// The rows of every table behind a line `<!-- table: NAME -->`, without its head; backticks and escapes taken off.
pub(crate) fn table(name: &str) -> Vec<Vec<String>> {
    let marker = format!("<!-- table: {name} -->");
    let mut rows = Vec::new();
    for part in README.split(&marker).skip(1) {
        let lines = part.lines().skip(1).take_while(|line| line.starts_with('|'));
        rows.extend(lines.skip(2).map(cells));
    }
    assert!(!rows.is_empty(), "README has no table `{name}`");
    rows
}

/// The first cell of each row.
pub(crate) fn column(name: &str) -> Vec<String> {
    table(name).into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// The words that stand in backticks in a cell.
pub(crate) fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(String::from).collect()
}

/// The fenced blocks whose fence says `yaml` and `kind`.
pub(crate) fn examples(kind: &str) -> Vec<String> {
    let fence = format!("\n```yaml {kind}\n");
    let blocks = README.split(&fence).skip(1);
    let blocks: Vec<String> =
        blocks.map(|part| part.split("\n```").next().unwrap_or_default().to_owned() + "\n").collect();
    assert!(!blocks.is_empty(), "README has no example `{kind}`");
    blocks
}

/// The targets of a page's links.
pub(crate) fn links(page: &str) -> Vec<&str> {
    page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// What a page's headings are called in a link, as GitHub makes it.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|it| it.is_alphanumeric() || " -_".contains(*it))
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// The cells of a row. A first cell that is one code span is what stands in it; others keep their backticks.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().replace("\\|", "\u{0}");
    let mut cells: Vec<String> =
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    if let Some(first) = cells.first_mut() {
        *first = first.trim_matches('`').to_owned();
    }
    cells
}

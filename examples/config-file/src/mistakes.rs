//! Where a mistake stands in a file, and what can be said of it without what stands there.

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

/// Every place of a setting that is called `name`, or `section.name` where it stands in a section; where that lacks it, the section is what is
/// wrong. In `[auth]` if it is there, for other sections have members of the same names.
pub(crate) fn places(table: &DeTable<'_>, field: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let auth = table.get("auth").and_then(|auth| auth.get_ref().as_table());
    for table in auth.into_iter().chain([table]) {
        if found.is_empty() {
            find_in_section(table, field, &mut found);
        }
    }
    // In code some settings are called by their section too.
    if let (true, Some((section, name))) = (found.is_empty(), field.split_once('_')) {
        find_in_section(table, &format!("{section}.{name}"), &mut found);
    }
    found
}

fn find_in_section(table: &DeTable<'_>, field: &str, found: &mut Vec<Range<usize>>) {
    let Some((section, name)) = field.split_once('.') else { return find(table, field, found) };
    for (key, value) in table {
        match value.get_ref().as_table() {
            Some(inner) if key.get_ref() == section => {
                find(inner, name, found);
                if found.is_empty() {
                    found.push(key.span());
                }
            }
            Some(inner) => find_in_section(inner, field, found),
            None => {}
        }
    }
}

/// What the name of a member may have after the one in code: its unit, or that it names the variable with the value.
const ENDINGS: [&str; 3] = ["_seconds", "_ms", "_env"];

/// Every place of a member of this name, or where there is none, of this name with such an ending.
pub(crate) fn find(table: &DeTable<'_>, name: &str, found: &mut Vec<Range<usize>>) {
    let before = found.len();
    find_ending(table, name, &[""], found);
    if found.len() == before {
        find_ending(table, name, &ENDINGS, found);
    }
}

fn find_ending(table: &DeTable<'_>, name: &str, endings: &[&str], found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        if key.get_ref().strip_prefix(name).is_some_and(|ending| endings.contains(&ending)) {
            found.push(key.span());
        }
        let elements = value.get_ref().as_array().into_iter().flatten();
        for value in elements.chain([value]) {
            if let Some(table) = value.get_ref().as_table() {
                find_ending(table, name, endings, found);
            }
        }
    }
}

/// The name of the member whose value stands there.
pub(crate) fn member_at<'t>(table: &'t DeTable<'_>, at: usize) -> Option<&'t str> {
    table.iter().find_map(|(key, value)| {
        let elements = value.get_ref().as_array().into_iter().flatten();
        let mut inner = elements.chain([value]).filter_map(|value| value.get_ref().as_table());
        let found = inner.find_map(|table| member_at(table, at));
        found.or_else(|| value.span().contains(&at).then(|| key.get_ref().as_ref()))
    })
}

/// `rampart.toml, line 3, column 1`.
pub(crate) fn place(path: &Path, text: &str, at: Option<Range<usize>>) -> String {
    let before = at.and_then(|at| text.get(..at.start));
    let Some(before) = before else { return path.display().to_string() };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
    format!("{}, line {line}, column {column}", path.display())
}

/// What serde says of a member, less what stands in it. Its own sentences are the ones below; of any other, nobody knows what it quotes.
pub(crate) fn without_values(message: &str, member: Option<&str>) -> String {
    if let Some((name, known)) = quoted(message, "unknown field `") {
        let known: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        return match nearest(name, &known) {
            Some(nearest) => format!("there is no {name:?} here; did you mean {nearest}?"),
            None => format!("there is no {name:?} here"),
        };
    }
    if let Some((name, _)) = quoted(message, "missing field `") {
        return format!("{name} is missing");
    }
    let member = member.unwrap_or("a value");
    // What was found stands before it, and may have anything in it.
    match message.rsplit_once(", expected ") {
        Some((_, "u64" | "usize")) => format!("{member}: expected a whole number from 0 on"),
        Some((_, expected)) => format!("{member}: expected {expected}"),
        None => format!("{member} cannot be used"),
    }
}

fn quoted<'m>(message: &'m str, start: &str) -> Option<(&'m str, &'m str)> {
    message.strip_prefix(start)?.split_once('`')
}

/// The name that was meant, if one is near enough: one that goes on from there, or that is two slips away, or three in a long one.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let slips = |known: &str| strsim::damerau_levenshtein(name, known);
    let allowed = if name.len() < 9 { 2 } else { 3 };
    let nearest = known.iter().copied().min_by_key(|known| slips(known)).filter(|nearest| slips(nearest) <= allowed);
    nearest.or_else(|| known.iter().copied().find(|known| known.starts_with(name)))
}

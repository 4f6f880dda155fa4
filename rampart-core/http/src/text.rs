//! What files and secrets add to a setting.

use crate::error::ConfigError;

/// RFC 3986 knows neither in an address.
pub(crate) fn holds_braces(text: &str) -> bool {
    text.contains(['{', '}'])
}

/// Refuses what files, secrets and copied text add to a value without anybody's doing: the line break of `echo`, the quotes of a file
/// of variables, the mark at the start of a file, a space without width. Compared byte for byte, such a value would match nothing.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy.
pub fn checked_text(field: &'static str, text: &str) -> Result<(), ConfigError> {
    checked_secret(field, text)?;
    if text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) {
        return Err(ConfigError::invalid(field, IN_QUOTES));
    }
    Ok(())
}

const IN_QUOTES: &str = "stands in quotes, which count as a part of it; remove them";

/// As [`checked_text`], for a text made by chance, which may well begin or end with a quote: only one on either side is a mistake.
///
/// # Errors
/// [`ConfigError::Invalid`] that names `field` and the remedy; never with the text.
pub fn checked_secret(field: &'static str, text: &str) -> Result<(), ConfigError> {
    if text.trim() != text || text.contains(char::is_control) {
        return Err(ConfigError::invalid(
            field,
            "has white space around it, or a line break or another control character in it; write the value alone (echo adds a line break, printf does not)",
        ));
    }
    if let Some(invisible) = text.chars().find(|character| is_invisible(*character)) {
        let code = u32::from(invisible);
        return Err(ConfigError::invalid(
            field,
            format!(
                "holds the invisible character U+{code:04X}, as copied text and files with a byte order mark do; type the value anew"
            ),
        ));
    }
    let is_in = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_in('"') || is_in('\'') {
        return Err(ConfigError::invalid(field, IN_QUOTES));
    }
    Ok(())
}

/// What shows nothing: format characters (Unicode's category Cf) and the separators of lines, less the two joiners, without which some
/// languages cannot be written.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

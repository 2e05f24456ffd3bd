//! Character references: `&amp;`, `&#65;`, `&#x41;`.

/// Names that are decoded; those of letters are in [`LATIN`].
const NAMED: [(&str, char); 26] = [
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("colon", ':'),
    ("sol", '/'),
    ("period", '.'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("bull", '•'),
    ("hellip", '…'),
    ("euro", '€'),
    ("trade", '™'),
];

/// The names of the characters from U+00A0 on.
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// The longest name there is.
const MAX_NAME: usize = 32;

/// The reference at the beginning of a text that begins with `&`: what is between that and its semicolon.
pub fn reference(text: &str) -> Option<&str> {
    let body = &text[1..];
    let end = body.bytes().take(MAX_NAME + 1).position(|byte| byte == b';')?;
    let body = &body[..end];
    let digits =
        |digits: &str, radix| !digits.is_empty() && digits.len() <= 7 && digits.chars().all(|c| c.is_digit(radix));
    let is_one = match body.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(number) => digits(number, 16),
            None => digits(number, 10),
        },
        None => body.starts_with(|c: char| c.is_ascii_alphabetic()) && body.chars().all(|c| c.is_ascii_alphanumeric()),
    };
    is_one.then_some(body)
}

/// A text with its references replaced by what they stand for. Those with unknown names mean nothing but themselves.
pub fn decode(text: &str) -> String {
    let (mut decoded, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let meant = reference(rest).and_then(|reference| Some((reference.len() + 2, character(reference)?)));
        let (length, meant) = meant.unwrap_or((1, '&'));
        decoded.push(meant);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    decoded
}

fn character(reference: &str) -> Option<char> {
    let Some(number) = reference.strip_prefix('#') else {
        let named = NAMED.iter().find(|(name, _)| *name == reference).map(|(_, meant)| *meant);
        let latin = || LATIN.iter().zip('\u{a0}'..).find(|(name, _)| **name == reference).map(|(_, meant)| meant);
        return named.or_else(latin);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(number) => u32::from_str_radix(number, 16),
        None => number.parse(),
    };
    let code = code.ok().filter(|code| *code != 0);
    Some(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_references_stand_for() {
        assert_eq!(decode("a&amp;&lt;&#65;&#x42;&#X43;b"), "a&<ABCb");
        assert_eq!(decode("&eacute;&nbsp;&yuml;&hellip;&colon;"), "é\u{a0}ÿ…:");
        assert_eq!(decode("&#0;&#xd800;&#9999999;"), "\u{fffd}\u{fffd}\u{fffd}");
        for text in ["&", "&;", "&#;", "&#x;", "&amp", "&unknown;", "& amp;", "&#12a;", "&ä;"] {
            assert_eq!(decode(text), text);
        }
    }
}

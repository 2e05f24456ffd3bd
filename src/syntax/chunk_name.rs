//! How messages name a chunk.

/// Room for a displayed chunk name, in bytes, with the terminator C needs (`LUA_IDSIZE`).
const ID_SIZE: usize = 60;

/// The displayed form of a chunk name (manual §6.1 `load`, §4.9 `lua_Debug.short_src`): `=stdin` is shown as `stdin`,
/// `@file.lua` as `file.lua`, keeping its end if it is long; any other name is a piece of source, shown as
/// `[string "first line..."]`.
///
/// ```
/// use moonlet::syntax::chunk_id;
/// assert_eq!(chunk_id(b"@init.lua"), "init.lua");
/// assert_eq!(chunk_id(b"x = 1\ny = 2"), "[string \"x = 1...\"]");
/// ```
pub fn chunk_id(name: &[u8]) -> String {
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let shown = match name.split_first() {
        Some((b'=', rest)) => rest[..rest.len().min(ID_SIZE - 1)].to_vec(),
        Some((b'@', rest)) if rest.len() < ID_SIZE => rest.to_vec(),
        Some((b'@', rest)) => [b"...", &rest[rest.len() - (ID_SIZE - 4)..]].concat(),
        _ => {
            let room = ID_SIZE - br#"[string "..."]"#.len() - 1;
            let line = name.split(|&byte| byte == b'\n').next().unwrap_or_default();
            if line.len() == name.len() && name.len() < room {
                [br#"[string ""#, line, br#""]"#].concat()
            } else {
                [br#"[string ""#, &line[..line.len().min(room)], br#"..."]"#].concat()
            }
        }
    };
    String::from_utf8_lossy(&shown).into_owned()
}

#[cfg(test)]
mod tests {
    use super::chunk_id;

    #[test]
    fn files_and_plain_names() {
        assert_eq!(chunk_id(b"=stdin"), "stdin");
        assert_eq!(chunk_id(b"="), "");
        assert_eq!(chunk_id(b"@a.lua"), "a.lua");
        let long = "x".repeat(100);
        assert_eq!(chunk_id(format!("={long}").as_bytes()), "x".repeat(59));
        assert_eq!(chunk_id(format!("@{long}").as_bytes()), format!("...{}", "x".repeat(56)));
        assert_eq!(chunk_id(format!("@{}", "x".repeat(59)).as_bytes()), "x".repeat(59));
    }

    #[test]
    fn source_text() {
        assert_eq!(chunk_id(b""), "[string \"\"]");
        assert_eq!(chunk_id(b"return 1"), "[string \"return 1\"]");
        assert_eq!(chunk_id(b"a\nb"), "[string \"a...\"]");
        assert_eq!(chunk_id(b"\n"), "[string \"...\"]");
        assert_eq!(chunk_id("y".repeat(44).as_bytes()), format!("[string \"{}\"]", "y".repeat(44)));
        assert_eq!(chunk_id("y".repeat(45).as_bytes()), format!("[string \"{}...\"]", "y".repeat(45)));
        assert_eq!(chunk_id("y".repeat(90).as_bytes()), format!("[string \"{}...\"]", "y".repeat(45)));
        assert_eq!(chunk_id(b"a\0b"), "[string \"a\"]");
    }
}

//! Tokens and literals.

use super::super::super::ast::{Expr, StatKind};
use super::{outline, parsed};

/// The only value of `return <literal>`.
fn value(literal: impl AsRef<[u8]>) -> Expr {
    let ast = parsed([b"return ", literal.as_ref()].concat());
    let [stat] = &ast.block.stats[..] else { panic!("one statement") };
    let StatKind::Return(values) = &stat.kind else { panic!("a return statement") };
    match ast.expr(values[0]) {
        Expr::Integer(value) => Expr::Integer(*value),
        Expr::Float(value) => Expr::Float(*value),
        Expr::String(bytes) => Expr::String(bytes.clone()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn string(literal: impl AsRef<[u8]>, expected: impl AsRef<[u8]>) {
    let Expr::String(bytes) = value(literal) else { panic!("a string") };
    assert_eq!(&bytes[..], expected.as_ref());
}

#[test]
fn quoted_strings() {
    string(r#""it's""#, "it's");
    string(r#"'say "hi"'"#, "say \"hi\"");
    string(r#""\a\b\f\n\r\t\v\\\"\'""#, "\x07\x08\x0C\n\r\t\x0B\\\"'");
    string(r#""\0\65\0650\255""#, b"\0AA0\xFF");
    string(r#""\x41\xfF""#, b"A\xFF");
    string(r#""\u{41}\u{e9}\u{20AC}\u{10FFFF}\u{D800}""#, b"A\xC3\xA9\xE2\x82\xAC\xF4\x8F\xBF\xBF\xED\xA0\x80");
    string("'a\\\nb\\\r\nc\\\n\rd\\\re'", "a\nb\nc\nd\ne");
    string("'a\\z \t\r\n\x0B\x0C  b'", "ab");
    string(b"'\xFF\x00\xFE'", b"\xFF\x00\xFE");
}

#[test]
fn long_strings() {
    string("[[]]", "");
    string("[[\n]]", "");
    string("[[\n\n]]", "\n");
    string("[[\r\na\r\nb\n\rc\rd\n]]", "a\nb\nc\nd\n");
    string("[==[]]]=]]==]", "]]]=]");
    string("[=[]]=]", "]");
    string("[[\\n]]", "\\n");
}

#[test]
fn numerals() {
    assert!(matches!(value("0xff"), Expr::Integer(255)));
    assert!(matches!(value("0xffffffffffffffff"), Expr::Integer(-1)));
    assert!(matches!(value("9223372036854775807"), Expr::Integer(i64::MAX)));
    assert!(matches!(value("9223372036854775808"), Expr::Float(9223372036854775808.0)));
    assert!(matches!(value("3."), Expr::Float(3.0)));
    assert!(matches!(value(".5e+1"), Expr::Float(5.0)));
    assert!(matches!(value("0x.8p1"), Expr::Float(1.0)));
    assert_eq!(outline(&parsed("x = 3y = 4")), "x = 3; y = 4");
    assert_eq!(outline(&parsed("x = 1 ..2")), "x = (Concat 1 2)");
}

#[test]
fn comments() {
    assert_eq!(outline(&parsed("--[==[ ]] \n ]==] x = 1 --[[ y ]] --[ z\n--")), "x = 1");
    assert_eq!(outline(&parsed(b"-- \xFF\rx = 1")), "x = 1");
}

#[test]
fn lines() {
    let ast = parsed("\n\r\na()\n\r--[[\n\n]] b()\rs = [[\n\n]] c()\nd'\\\n\\z\n' e()\n");
    let lines: Vec<u32> = ast.block.stats.iter().map(|stat| stat.span.line).collect();
    assert_eq!(lines, [3, 6, 7, 9, 10, 12]);
    assert_eq!(ast.end_line, 12);
}

#[test]
fn spans() {
    let source = "local x = f(1) :: T -- c\nreturn x";
    let ast = parsed(source);
    let text = |span: super::super::Span| &source[span.start as usize..span.end as usize];
    let texts: Vec<&str> = ast.block.stats.iter().map(|stat| text(stat.span)).collect();
    assert_eq!(texts, ["local x = f(1) :: T", "return x"]);
    let StatKind::Local { values, .. } = &ast.block.stats[0].kind else { panic!("a local statement") };
    assert_eq!(text(ast.expr_span(values[0])), "f(1) :: T");
}

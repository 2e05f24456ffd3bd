//! Templates and what becomes of them.

use super::lexer::Delimiters;
use super::parser::parse;
use super::render::{Failure, Templates};
use crate::modules::expr::value::Value;
use crate::runtime::data::Data;

fn set(sources: &[(&str, &str)]) -> Templates {
    let mut set = Templates::default();
    for (name, source) in sources {
        let template = parse(source, &Delimiters::default()).unwrap_or_else(|error| panic!("{source}: {error}"));
        set.templates.insert((*name).to_owned(), template);
    }
    set.globals.push((Value::text("site"), Value::text("Moon")));
    set
}

fn data() -> Value {
    let users = ["Ann", "<Bob>"].map(|name| Data::from([("name", name)])).to_vec();
    let data = Data::from([
        ("title", Data::from("a < b & c")),
        ("n", Data::from(7)),
        ("users", Data::List(users)),
        ("none", Data::List(Vec::new())),
        ("map", Data::from([("b", 2), ("a", 1)])),
    ]);
    Value::try_from(&data).unwrap()
}

fn render(sources: &[(&str, &str)]) -> Result<String, Failure> {
    set(sources).render("main", data()).map(|text| String::from_utf8(text).unwrap())
}

fn check(source: &str, expected: &str) {
    assert_eq!(render(&[("main", source)]).as_deref(), Ok(expected), "{source}");
}

fn fails(sources: &[(&str, &str)], part: &str) {
    match render(sources) {
        Err(Failure::Failed(message)) => assert!(message.contains(part), "{message}"),
        other => panic!("{sources:?}: {other:?}"),
    }
}

#[test]
fn values_are_put_out_without_markup() {
    check("{{ title }}|{{ title | raw }}|{{ title | html }}", "a &lt; b &amp; c|a < b & c|a &lt; b &amp; c");
    check("{{ raw(title + \"!\") }}", "a < b & c!");
    check("{{ nothing }}{{ nothing.more }}[{{ site }}]{* {{ gone *}", "[Moon]");
    check("{{ users[1].name }} {{ .n }} {{ map.a }}", "&lt;Bob&gt; 7 1");
    check("{{ n + 1 }} {{ n * 2 - 3 }} {{ n % 4 }} {{ n / 2 }} {{ n > 3 && !(n == 8) }}", "8 11 3 3.5 true");
    check("{{ n > 3 ? \"big\" : \"small\" }} {{ users ? 1 : 2 }} {{ !none }}", "big 1 true");
}

#[test]
fn functions_and_pipes() {
    check("{{ \"aB\" | upper }} {{ lower(\"aB\") }} {{ len(users) }} {{ \" x \" | trim }}", "AB ab 2 x");
    check("{{ \"a,b\" | split(\",\") | join(\"-\") }}", "a-b");
    check("{{ nothing | default(\"none\") }} {{ n | default(1) }} {{ \"\" | default(\"d\") }}", "none 7 d");
    check("{{ \"a b/ä\" | url }}", "a%20b%2F%C3%A4");
    check("{{ users | json | raw }}", r#"[{"name":"Ann"},{"name":"<Bob>"}]"#);
    check("{{ none | json }} {{ 1.5 | json }} {{ nothing | json }}", "[] 1.5 null");
}

#[test]
fn conditions_ranges_and_names() {
    check("{{ if n == 1 }}one{{ else if n == 7 }}seven{{ else }}other{{ end }}", "seven");
    check("{{ if none }}some{{ else }}none{{ end }}{{ if nothing }}x{{ end }}", "none");
    check("{{ range users }}{{ .name }};{{ end }}", "Ann;&lt;Bob&gt;;");
    check("{{ range i, u := users }}{{ i }}={{ u.name | raw }} {{ end }}", "0=Ann 1=<Bob> ");
    check("{{ range u := users }}{{ u.name | len }}{{ else }}no{{ end }}", "35");
    check("{{ range none }}x{{ else }}empty{{ end }}", "empty");
    check("{{ range k, v := map }}{{ k }}{{ v }}{{ end }}", "a1b2");
    check("{{ x := n + 1 }}{{ x }}{{ if true }}{{ x := 1 }}{{ x }}{{ end }}{{ x }}", "818");
    check("{{ \"}}\" }}{{ 'a := b' }}", "}}a := b");
}

#[test]
fn templates_are_made_of_others() {
    let base = "<{{ block head() }}base{{ end }}|{{ block body() }}{{ title := 1 }}none{{ end }}>";
    let middle = "{{ extends \"base\" }}ignored{{ block head() }}middle {{ yield foot() }}{{ end }}";
    let main = "{{ extends \"middle\" }}{{ block body() }}{{ title }}{{ end }}{{ block foot() }}foot{{ end }}";
    let sources = [("base", base), ("middle", middle), ("main", main)];
    assert_eq!(render(&sources).as_deref(), Ok("<middle foot|a &lt; b &amp; c>"));
    let sources = [("main", "{{ x := 1 }}{{ include \"part\" }}{{ y }}"), ("part", "{{ x }}{{ y := 2 }}{{ n }}")];
    assert_eq!(render(&sources).as_deref(), Ok("17"));
    let sources = [("main", "{{ block b() }}outer{{ end }}{{ include \"part\" }}"), ("part", "-{{ yield b() }}")];
    assert_eq!(render(&sources).as_deref(), Ok("outer-outer"));
}

#[test]
fn failures_have_their_place() {
    assert_eq!(set(&[]).render("main", data()), Err(Failure::Unknown));
    fails(&[("main", "\n{{ n + users }}")], "template 'main', line 2: cannot add");
    fails(&[("main", "{{ users }}")], "scalar expected, got array");
    fails(&[("main", "{{ range n }}{{ end }}")], "cannot range over int");
    fails(&[("main", "{{ yield none() }}")], "there is no block 'none'");
    fails(&[("main", "{{ include \"none\" }}")], "there is no template 'none'");
    fails(&[("main", "{{ include n }}")], "string expected");
    fails(
        &[("main", "{{ include \"part\" }}"), ("part", "\n\n{{ n.x }}")],
        "template 'part', line 3: cannot take a part",
    );
    fails(&[("main", "{{ extends \"none\" }}")], "there is no template 'none'");
    fails(&[("main", "{{ extends \"main\" }}")], "extends itself");
    fails(&[("main", "{{ include \"main\" }}")], "within each other");
    fails(&[("main", "{{ block b() }}{{ yield b() }}{{ end }}")], "within each other");
    let endless = "{{ range 1..1000 }}{{ range 1..1000 }}{{ range 1..1000 }}x{{ end }}{{ end }}{{ end }}";
    fails(&[("main", endless)], "too many steps");
}

#[test]
fn mistakes_have_their_line() {
    for (source, message, line) in [
        ("{{ if n }}", "'if' without 'end'", 1),
        ("\n{{ range n }}{{ else }}", "'range' without 'end'", 2),
        ("{{ if n }}{{ else }}{{ else }}{{ end }}", "unexpected 'else'", 1),
        ("\n\n{{ end }}", "unexpected 'end'", 3),
        ("{{ else }}", "unexpected 'else'", 1),
        ("{{ if }}{{ end }}", "an expression is missing", 1),
        ("{{ }}", "an expression is missing", 1),
        ("x\n{{ 1 + }}", "unexpected end", 2),
        ("{{ nonesuch(1) }}", "unknown function 'nonesuch'", 1),
        ("{{ n }}{{ extends \"x\" }}", "must be the first", 1),
        ("{{ extends x }}", "needs a name in quotes", 1),
        ("{{ block b }}{{ end }}", "'block' needs", 1),
        ("{{ yield }}", "'yield' needs", 1),
        ("{{ block b() }}{{ end }}\n{{ block b() }}{{ end }}", "two blocks 'b'", 2),
        ("{{ block b() }}", "'block' without 'end'", 1),
        ("{{ a, b := 1 }}", "':=' gives one name", 1),
        ("{{ range a, b, c := n }}{{ end }}", "at most two", 1),
        ("{{ n", "without '}}'", 1),
    ] {
        let error = parse(source, &Delimiters::default()).expect_err(source);
        assert!(error.contains(message) && error.ends_with(&format!("line {line}")), "{source}: {error}");
    }
    let deep = "{{ if n }}".repeat(200);
    assert!(parse(&deep, &Delimiters::default()).unwrap_err().contains("within each other"));
}

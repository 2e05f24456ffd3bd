//! Values of expressions, what is wrong with others, and bounds.

use super::value::Value;
use super::*;

fn environment() -> Value {
    let user = Data::from([("name", Data::from("ann")), ("age", 41.into()), ("tags", vec!["a", "b"].into())]);
    let list = Data::from(vec![3, 1, 2]);
    let data = Data::from([("user", user), ("list", list), ("text", "aBc".into()), ("yes", true.into())]);
    Value::try_from(&data).expect("not nested deeply")
}

fn value_of(text: &str) -> Result<Data, String> {
    Ok(Data::from(&Program::compile(text.as_bytes())?.run(&environment())?))
}

#[test]
fn values() {
    // Each is compared with an expression that means the same, or with itself being true.
    for (text, same) in [
        ("1 + 2 * 3 - 4", "3"),
        ("7 / 2", "3.5"),
        ("-7 % 3", "2"),
        ("2 ** 3 ** 2", "512.0"),
        ("-2 ** 2", "-4.0"),
        ("'a' + \"b\\n\"", "'ab\\n'"),
        ("1 == 1.0 && 1 != '1' && [1, {a: 2}] == [1.0, {a: 2}]", "true"),
        ("1 < 2.5 and 'a' < 'b' and not (2 >= 3)", "true"),
        ("yes ? 'y' : 'n'", "'y'"),
        ("nothing ?? 5 + 1", "6"),
        ("2 in list && 4 not in list && 'age' in user && 'nn' in user.name", "true"),
        ("text startsWith 'a' && text endsWith 'c' && text contains 'B' && list contains 3", "true"),
        ("text matches '^[a-c]+$' || text matches '(?i)^abc$'", "true"),
        ("'x' matches text", "false"),
        ("user.tags[0] + user['name'] + user.tags[-1]", "'aannb'"),
        ("nothing?.a.b.c", "nil"),
        ("user?.nothing?.[1]", "nil"),
        ("list[5]", "nil"),
        ("list[1:]", "[1, 2]"),
        ("list[:-1]", "[3, 1]"),
        ("text[1:2]", "'B'"),
        ("1..4", "[1, 2, 3, 4]"),
        ("list | sort | reverse | first", "3"),
        ("list | map(# * 10) | filter(# > 10) | sum()", "50"),
        ("[true, false, true] | count", "2"),
        ("count(list, # > 1)", "2"),
        ("all(list, # > 0) && any(list, # == 2) && none(list, # > 3) && one(list, # == 3)", "true"),
        ("find(list, # < 3)", "1"),
        ("find(list, # > 3)", "nil"),
        ("reduce(list, #acc + #, 10)", "16"),
        ("reduce(list, max(#acc, #))", "3"),
        ("map(list, #index)", "[0, 1, 2]"),
        ("map([[1, 2], [3]], map(#, # + 1))", "[[2, 3], [4]]"),
        ("groupBy(list, # % 2 == 1 ? 'odd' : 'even')", "{odd: [3, 1], even: [2]}"),
        ("keys({a: 1, ('b' + 'c'): 2})", "['a', 'bc']"),
        ("values({a: 1, b: 2})", "[1, 2]"),
        ("len(text) + len(list) + len(user)", "9"),
        ("[abs(-3), abs(-2.5), ceil(1.2), floor(-1.2), round(2.5), round(-0.4)]", "[3, 2.5, 2, -2, 3, 0]"),
        ("[min(3, 1, 2), max(list), sum([1, 2.5]), mean(list)]", "[1, 3, 3.5, 2.0]"),
        ("[upper('aé'), lower('AÉ'), trim('  a ')]", "['AÉ', 'aé', 'a']"),
        ("split('a,b,,c', ',')", "['a', 'b', '', 'c']"),
        ("join(['a', 'b'], '-') + join(['c'])", "'a-bc'"),
        ("replace('aXbX', 'X', '__')", "'a__b__'"),
        ("[string(1), string(1.5), string(nil), string(true), string('s')]", "['1', '1.5', 'nil', 'true', 's']"),
        ("[int('12'), int(2.9), int(-2.9), float('0x10')]", "[12, 2, -2, 16.0]"),
        (
            "map([nil, true, 1, 1.5, '', [1], {a: 1}], type(#))",
            "['nil', 'bool', 'int', 'float', 'string', 'array', 'map']",
        ),
        ("sort(['b', 'a'], 'desc')", "['b', 'a']"),
        ("concat([1], [], [2, 3])", "[1, 2, 3]"),
        ("flatten([1, [2, [3]]])", "[1, 2, 3]"),
        ("uniq([1, 1.0, 'a', 'a', 2])", "[1, 'a', 2]"),
        ("last([])", "nil"),
        ("9223372036854775807 + 1", "-9223372036854775807 - 1"),
    ] {
        let pair = (value_of(text), value_of(same));
        assert!(matches!(&pair, (Ok(a), Ok(b)) if a == b), "{text}: {pair:?}");
    }
}

#[test]
fn complaints() {
    for (text, part) in [
        ("1 +", "unexpected end at position 4"),
        ("(1", "')' expected"),
        ("1 2", "unexpected int at position 3"),
        ("a = 1", "unexpected character at position 3"),
        ("'a", "unfinished string"),
        ("'\\q'", "unknown escape"),
        ("1 not 2", "'in' expected"),
        ("#", "unexpected '#'"),
        ("nowhere(1)", "unknown function 'nowhere'"),
        ("len()", "wrong number of arguments for 'len'"),
        ("all(list)", "a predicate is missing"),
        ("'a' matches '('", "bad pattern"),
        ("nothing + 1", "cannot add nil and int"),
        ("nothing.a", "cannot take a part of nil"),
        ("nothing && true", "bool expected, got nil"),
        ("1 ? 2 : 3", "bool expected, got int"),
        ("'a' < 1", "cannot compare string with int"),
        ("1 in 2", "cannot look for int in int"),
        ("-'a'", "cannot negate string"),
        ("1 % 0", "modulo by zero"),
        ("1.5..2", "a range needs integers"),
        ("upper(1)", "upper: string expected, got int"),
        ("int('x')", "the string is no number"),
        ("mean([])", "the array is empty"),
        ("reduce([], #)", "without a start"),
        ("filter(list, #)", "a predicate must be bool"),
        ("sort([1, 'a'])", "cannot compare"),
        ("list['a'][0:1]", "cannot take a part"),
        ("(1)[0:1]", "cannot slice int"),
    ] {
        let result = value_of(text);
        assert!(matches!(&result, Err(message) if message.contains(part)), "{text}: {result:?}");
    }
}

#[test]
fn nothing_takes_for_ever_or_too_deep() {
    for text in [
        "1..9223372036854775807",
        "-9223372036854775807..9223372036854775807",
        "map(1..1000, map(1..1000, 1..1000))",
        "reduce(1..100, #acc + #acc, 'x')",
        "flatten(map(1..1000, 1..1000))",
    ] {
        let result = value_of(text);
        assert!(matches!(&result, Err(message) if message.contains("too")), "{text}: {result:?}");
    }
    let nested = "reduce(1..1000, [#acc], 1)";
    assert!(matches!(value_of(nested), Err(message) if message.contains("nested too deeply")));
    for (open, close) in
        [("(", ")"), ("[", "]"), ("-", ""), ("!", ""), ("1?2:", ""), ("1+", ""), ("a.", ""), ("a[", "]")]
    {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Program::compile(text.as_bytes()).is_err(), "{open}");
    }
    assert_eq!(value_of(&format!("1{}", "+1".repeat(150))), Ok(Data::Integer(151)));
}

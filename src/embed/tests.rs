//! Tests of the API through its public face.

use super::*;

#[test]
fn values_go_in_and_out() {
    let lua = Lua::new();
    let t = lua.create_table().unwrap();
    t.set("n", 5).unwrap();
    t.set(1, "one").unwrap();
    lua.globals().set("t", &t).unwrap();
    let (n, one, none): (i64, String, Option<bool>) = lua.load("return t.n + 1, t[1], nil").eval().unwrap();
    assert_eq!((n, one.as_str(), none), (6, "one", None));
    let list: Vec<i64> = lua.load("{1, 2, 3}").eval().unwrap();
    assert_eq!(list, [1, 2, 3]);
}

#[test]
fn callbacks_may_call_lua_and_fail() {
    let lua = Lua::new();
    let apply = lua
        .create_function(|_, (f, x): (Function, i64)| {
            let y: i64 = f.call(x)?;
            if y > 100 { Err(Error::external("too large")) } else { Ok(y) }
        })
        .unwrap();
    lua.globals().set("apply", apply).unwrap();
    let nine: i64 = lua.load("return apply(function(x) return x * x end, 3)").eval().unwrap();
    assert_eq!(nine, 9);
    let (ok, message): (bool, String) =
        lua.load("return pcall(apply, function(x) return x * 1000 end, 3)").eval().unwrap();
    assert!(!ok);
    assert!(message.contains("too large"), "{message}");
    let nested: String =
        lua.load("local ok, e = pcall(apply, function() error('inner', 0) end, 1) return e").eval().unwrap();
    assert_eq!(nested, "inner");
}

#[test]
fn errors_carry_message_and_traceback() {
    let lua = Lua::new();
    match lua.load("local x = nil; x.y = 1").set_name("@file.lua").exec() {
        Err(Error::Runtime { message, traceback, .. }) => {
            assert_eq!(message, "file.lua:1: attempt to index a nil value (local 'x')");
            assert!(traceback.contains("in main chunk"), "{traceback}");
        }
        other => panic!("{other:?}"),
    }
    match lua.load("x =").set_name("=input").exec() {
        Err(Error::Syntax(message)) => assert_eq!(message, "input:1: unexpected symbol near <eof>"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn limits_end_a_call() {
    let lua = Lua::new();
    lua.set_budget(Some(10_000));
    assert!(matches!(lua.load("while true do end").exec(), Err(Error::OutOfBudget)));
    lua.set_budget(None);
    lua.set_memory_limit(lua.used_memory() + 200_000);
    let grow = "local t = {} for i = 1, 1e7 do t[i] = {i} end";
    assert!(matches!(lua.load(grow).exec(), Err(Error::Memory)));
    let caught: bool = lua.load("local ok = pcall(string.rep, 'x', 1e9) return ok").eval().unwrap();
    assert!(!caught);
}

#[test]
fn a_panic_in_a_callback_is_an_error() {
    let lua = Lua::new();
    let bad = lua.create_function(|_, ()| -> Result<()> { panic!("oops") }).unwrap();
    lua.globals().set("bad", bad).unwrap();
    let message: String = lua.load("return select(2, pcall(bad))").eval().unwrap();
    assert!(message.contains("oops"), "{message}");
}

#[test]
fn handles_keep_values_alive() {
    let lua = Lua::new();
    let t: Table = lua.load("{deep = {1, 2, {3}}}").eval().unwrap();
    lua.gc_collect();
    lua.gc_collect();
    let n: i64 = lua.load("local t = ... return t.deep[3][1]").call(&t).unwrap();
    assert_eq!(n, 3);
}

#[test]
fn validators_of_the_host() {
    let made = Validator::new("host_between", Kinds::NUMBERS | Kinds::STRINGS, |value, limits| {
        let [Scalar::Integer(from), Scalar::Integer(to)] = limits else { return false };
        let judged = match value {
            Scalar::Integer(value) => value,
            Scalar::String(bytes) => bytes.len() as i64,
            _ => return false,
        };
        (from..=to).contains(&&judged)
    });
    made.takes(2).register().unwrap();
    let lua = Lua::new();
    let (of_n, source): (Type, String) = lua
        .load(
            "type T = {n: integer? @host_between(1, 9), s: string @host_between(2, 3)}
             assert(T:is({s = 'ab'}) and T:is({n = 9, s = 'abc'}))
             assert(not T:is({s = 'a'}) and not T:is({n = 'x', s = 'ab'}))
             local name, from, to = T.n:validators()()
             assert(name == 'host_between' and from == 1 and to == 9)
             return T, T.n:source()",
        )
        .eval()
        .unwrap();
    assert_eq!(source, "integer? @host_between(1, 9)");
    let error = of_n.validate(&lua.load("{n = 10, s = 'ab'}").eval().unwrap()).unwrap_err();
    assert_eq!(error.message, "n: value 10 violates @host_between(1, 9)");
    assert_eq!((error.path.as_str(), error.rule), ("n", "host_between"));
    // The checker knows it.
    let found = lua.check("local n: integer @host_between(1, 9) = 10", crate::types::Options::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "value 10 violates @host_between(1, 9)");
    // In dumped code, and in the order of types.
    let same: bool = lua
        .load(
            "type T = integer @host_between(1, 9)
             local f = load(string.dump(function() return T end))
             return f() == T and T < Integer",
        )
        .eval()
        .unwrap();
    assert!(same);
    for (source, wanted) in [
        ("type T = integer @host_between(1)", "'@host_between' takes 2 arguments"),
        ("type T = integer @host_between(1, nil)", "'@host_between' does not take nil"),
        ("type T = integer @host_betwen(1, 2)", "unknown validator '@host_betwen'"),
    ] {
        match lua.load(source).exec() {
            Err(Error::Syntax(message)) => assert!(message.contains(wanted), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn types_of_programs() {
    let lua = Lua::new();
    let (user, number, integer): (Type, Type, Type) =
        lua.load("type User = {name: string, tags: {string}} return User, Number, Integer").eval().unwrap();
    assert_eq!(user.name().as_deref(), Some("User"));
    assert_eq!((user.to_string(), user.source()), ("User".to_owned(), "{name: string, tags: {string}}".to_owned()));
    assert!(integer.is_subtype(&number) && !number.is_subtype(&integer));
    let same: Type = lua.load("type Other = {name: string, tags: {string}} return Other").eval().unwrap();
    assert_eq!((same == user, same == number), (true, false));
    assert_eq!(number.validate(&Value::Integer(1)), Ok(()));
    let error = user.validate(&lua.load("{name = 'Ada', tags = {'x', 7}}").eval().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "tags[2]: expected string, got number");
    let kind = user.call_method("kind", []).unwrap();
    assert_eq!(String::from_lua_multi(kind, &lua).unwrap(), "record");
    assert!(user.call_method("name", []).is_ok() && user.call_method("tags", []).is_err());
    // A handle goes back to where it came from.
    lua.globals().set("T", &user).unwrap();
    let (again, named): (bool, String) = lua.load("return T == ..., type(T)").call(user).unwrap();
    assert_eq!((again, named.as_str()), (true, "type"));
}

#[test]
fn programs_are_checked() {
    let lua = Lua::new();
    let strict = crate::types::Options { mode: crate::types::Mode::Strict, ..Default::default() };
    assert!(lua.check("return string.rep('x', 3)", strict).is_empty());
    let found = lua.check("local s = string.rep('x', 'y')\nreturn undefined", strict);
    let codes: Vec<_> = found.iter().map(|found| (found.code.info().code, found.span.line)).collect();
    assert_eq!(codes, [("E0001", 1), ("E0006", 2)]);
}

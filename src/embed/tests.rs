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

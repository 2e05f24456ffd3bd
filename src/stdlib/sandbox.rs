//! The `sandbox` profile (`runtime.md` §9): Lua without what loads code, touches files or the operating system, and with
//! some functions of Lua 5.1 that programs of that kind use. Its library tables are frozen.
//!
//! `os` and `require` are not among these libraries: what they are in a sandbox, the runtime knows.

use super::table::list;
use super::{base, coroutine, math, search, string, table, types, utf8};
use crate::types::{GLOBALS, Manifest};
use crate::vm::Vm;
use crate::vm::image::{BASE, Library};
use crate::vm::native::{Args, Native, NativeResult};
use crate::vm::value::Value;

/// The libraries of the profile.
pub fn libraries() -> Vec<&'static Library> {
    let mut libraries =
        vec![&base::LIBRARY, &coroutine::LIBRARY, &math::LIBRARY, &string::LIBRARY, &table::LIBRARY, &utf8::LIBRARY];
    libraries.extend(&LEFTOVERS);
    libraries.extend(types::LIBRARIES);
    libraries
}

/// What Lua 5.1 had.
static LEFTOVERS: [Library; 4] = [
    leftovers(BASE, &[Native::new("unpack", list::unpack)]),
    leftovers("math", &[Native::new("atan2", math::atan), Native::new("mod", math::fmod)]),
    leftovers("string", &[Native::new("gfind", search::gmatch)]),
    leftovers("table", &[Native::new("getn", getn), Native::new("maxn", maxn)]),
];

/// The types of what only this profile has.
pub static MANIFESTS: &[Manifest] = &[
    Manifest {
        name: GLOBALS,
        global: true,
        text: "return nil :: {unpack: (list: any, from?: integer, to?: integer) -> ...any}",
    },
    Manifest {
        name: "math",
        global: true,
        text: "return nil :: {atan2: (y: number, x?: number) -> float, mod: (x: number, y: number) -> number}",
    },
    Manifest {
        name: "package",
        global: true,
        text: "return nil :: {
            cpath: string,
            loadlib: (...any) -> (nil, string, string),
            path: string,
            seeall: (module: table) -> (),
        }",
    },
    Manifest {
        name: "string",
        global: true,
        text: "return nil :: {gfind: (text: string, pattern: string, init?: integer) -> () -> ...any}",
    },
    Manifest {
        name: "table",
        global: true,
        text: "return nil :: {getn: (list: table) -> integer, maxn: (list: table) -> number}",
    },
];

const fn leftovers(name: &'static str, natives: &'static [Native]) -> Library {
    Library { name, global: true, natives, constants: &[] }
}

/// `table.getn(t)`: the length, without metamethods.
fn getn(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let length = vm.raw_len(table);
    vm.answer(Value::int(length))
}

/// `table.maxn(t)`: the largest positive number that is a key, or 0.
fn maxn(vm: &mut Vm, args: Args) -> NativeResult {
    let table = args.check_table(vm, 0)?;
    let (mut largest, mut key) = (Value::int(0), Value::NIL);
    while let Some((next, _)) = vm.raw_next(table, key)? {
        key = next;
        vm.fuel -= 1;
        let larger = match (key.is_int(), key.is_float()) {
            (true, _) => key.as_int() as f64 > number(largest),
            (_, true) => key.as_float() > number(largest),
            _ => false,
        };
        if larger {
            largest = key;
        }
    }
    vm.answer(largest)
}

fn number(value: Value) -> f64 {
    if value.is_int() { value.as_int() as f64 } else { value.as_float() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::eval_in;
    use crate::vm::Vm;
    use crate::vm::image::Image;

    fn eval(source: &str) -> String {
        eval_in(&mut Vm::new(Image::new(&super::libraries(), true, 1)), source)
    }

    #[test]
    fn what_reaches_out_is_missing() {
        let missing = "load loadfile dofile collectgarbage io debug package os";
        assert_eq!(
            eval(&format!(
                "local r = {{}} for n in ('{missing}'):gmatch('%w+') do r[#r + 1] = _G[n] and n end return #r, string.dump"
            )),
            "0 nil"
        );
    }

    #[test]
    fn libraries_cannot_be_changed() {
        for change in ["string.x = 1", "math.pi = 3", "table.insert = nil", "rawset(table, 'x', 1)", "utf8.x = 1"] {
            let message = eval(&format!("return select(2, pcall(function() {change} end))"));
            assert!(message.ends_with("attempt to modify Immutable table"), "{change}: {message}");
        }
        assert_eq!(eval("x = 1 print = nil return x, print, _G.x"), "1 nil 1");
        assert!(eval("getmetatable('').__index = {}").contains("Immutable"));
    }

    #[test]
    fn leftovers() {
        assert_eq!(
            eval("return table.getn{1, 2}, table.maxn{[10] = 1, [2.5] = 1, x = 1}, table.maxn{[-1] = 1}"),
            "2 10 0"
        );
        assert_eq!(eval("return unpack{1, 2}, math.atan2(0, 1), math.mod(5, 3), math.pow(2, 3)"), "1 0.0 2 8.0");
        assert_eq!(eval("local r = {} for w in string.gfind('a b', '%w') do r[#r + 1] = w end return #r"), "2");
        assert_eq!(eval("return _VERSION, table.unpack{1, 2}"), "Lua 5.3 1 2");
    }
}

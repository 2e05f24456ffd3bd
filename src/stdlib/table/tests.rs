//! The table library, on plain lists and on proxies that reach theirs through metamethods.

use crate::stdlib::tests::eval;

/// `list(…)` makes a list; the chunk runs with plain lists and with proxies, and must answer the same.
fn both(source: &str, expected: &str) {
    let plain = "local function list(...) return {...} end ";
    let proxy = "local function list(...)
        local t = {...}
        return setmetatable({}, {
          __index = function(_, k) return t[k] end,
          __newindex = function(_, k, v) t[k] = v end,
          __len = function() return #t end,
        })
      end ";
    for kind in [plain, proxy] {
        assert_eq!(eval(&format!("{kind}{source}")), expected, "{kind}{source}");
    }
}

#[test]
fn elements_are_inserted_and_removed() {
    both("local t = list(1, 2, 3) table.insert(t, 4) table.insert(t, 1, 0) return table.concat(t, ' ')", "0 1 2 3 4");
    both("local t = list(1, 2, 3) return table.remove(t, 1), table.remove(t), table.concat(t, ' ')", "1 3 2");
    both("return table.remove(list())", "nil");
    both(
        "return pcall(table.insert, list(1), 5, 1)",
        "false bad argument #2 to 'table.insert' (position out of bounds)",
    );
    both("return pcall(table.insert, list(1))", "false wrong number of arguments to 'insert'");
    both(
        "return pcall(table.remove, list(1, 2, 3), 7)",
        "false bad argument #1 to 'table.remove' (position out of bounds)",
    );
}

#[test]
fn ranges_are_moved() {
    both("local t = list(1, 2, 3, 4) table.move(t, 1, 3, 2) return table.concat(t, ' ')", "1 1 2 3");
    both("local t = list(1, 2, 3, 4) table.move(t, 2, 4, 1) return table.concat(t, ' ')", "2 3 4 4");
    both("return table.concat(table.move(list(1, 2), 1, 2, 3, list(8, 9)), ' ')", "8 9 1 2");
}

#[test]
fn lists_become_text_and_values() {
    both("return table.concat(list(1, 'a', 2.5), ', ', 2, 3)", "a, 2.5");
    both("return table.concat(list(), ',') == ''", "true");
    both("return pcall(table.concat, list(1, {}, 3))", "false invalid value (table) at index 2 in table for 'concat'");
    both("return table.unpack(list(1, 2, 3))", "1 2 3");
    both("return table.unpack(list(1, 2, 3), 2)", "2 3");
    both("return table.unpack(list(1, 2, 3), -1, 1)", "nil nil 1");
    both("return pcall(table.unpack, list(), 1, 100000000)", "false too many results to unpack");
    assert_eq!(eval("local t = table.pack(1, nil, 3) return t.n, t[1], t[2], t[3]"), "3 1 nil 3");
}

#[test]
fn lists_are_sorted() {
    both("local t = list(3, 1, 2.5, -4) table.sort(t) return table.concat(t, ' ')", "-4 1 2.5 3");
    both("local t = list('b', 'a', 'B') table.sort(t) return table.concat(t, ' ')", "B a b");
    both("local t = list(3, 1, 2) table.sort(t, function(a, b) return a > b end) return table.concat(t, ' ')", "3 2 1");
    both("return pcall(table.sort, list(1, 'x'))", "false attempt to compare string with number");
    both("return pcall(table.sort, list(1, 2, 3), function() error('e', 0) end)", "false e");
}

#[test]
fn sorting_agrees_with_sorting_by_calls() {
    assert_eq!(
        eval(
            "for n = 0, 130 do
              local t = {}
              for i = 1, n do t[i] = (i * 7919) % 101 end
              local u = {table.unpack(t)}
              table.sort(t)
              table.sort(u, function(a, b) return a < b end)
              for i = 1, n do assert(t[i] == u[i] and (i == 1 or t[i - 1] <= t[i])) end
            end
            return 'sorted'"
        ),
        "sorted"
    );
}

#[test]
fn senseless_order_functions_do_no_harm() {
    both(
        "return pcall(table.sort, list(1, 2, 3, 4), function() return true end)",
        "false invalid order function for sorting",
    );
    assert_eq!(
        eval(
            "local seed = 1
            for round = 1, 100 do
              local t = {}
              for i = 1, 40 do t[i] = i % 7 end
              pcall(table.sort, t, function() seed = (seed * 1103515245 + 12345) % 2147483648 return seed % 3 == 0 end)
              assert(#t == 40)
            end
            return 'unharmed'"
        ),
        "unharmed"
    );
}

#[test]
fn comparisons_may_not_yield() {
    assert_eq!(
        eval(
            "local co = coroutine.create(function() table.sort({3, 2, 1}, coroutine.yield) end)
            local ok, message = coroutine.resume(co)
            return ok, message"
        ),
        "false attempt to yield across a C-call boundary"
    );
}

#[test]
fn frozen_tables_stay_as_they_are() {
    assert_eq!(
        eval("local t = table.freeze({3, 2, 1}) return table.isfrozen(t), (pcall(table.sort, t)), t[1]"),
        "true false 3"
    );
    assert_eq!(eval("return pcall(table.insert, table.freeze({}), 1)"), "false attempt to modify Immutable table");
}

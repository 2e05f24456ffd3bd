//! Listings of representative programs.

use super::compiled;
use crate::bytecode::disasm::instruction_text;
use crate::bytecode::proto::Proto;

/// The instructions of all functions of a program, with their lines.
fn listing(source: &str) -> String {
    let mut out = String::new();
    append(&mut out, &compiled(source), "main");
    out
}

fn append(out: &mut String, proto: &Proto, path: &str) {
    let cells: Vec<_> = proto.captures.iter().map(|c| format!("{}{}", c.name, if c.cell { "*" } else { "" })).collect();
    *out += &format!("{path} [{}]\n", cells.join(" "));
    for (pc, instruction) in proto.code.iter().enumerate() {
        *out += &format!("{pc:3} {:2} {}\n", proto.lines[pc], instruction_text(proto, pc, instruction));
    }
    for (position, nested) in proto.protos.iter().enumerate() {
        append(out, nested, &format!("{path}.{position}"));
    }
}

/// Operands that are locals are used where they are; constants go into the instruction.
#[test]
fn expressions_are_computed_in_place() {
    let source = r#"
local a, b = 1, 2.5
a = a + 1
b = 1 + a
a = 3 - b
a = a - 3
a = a - 0
a = 2 * b / 3 ^ a
a = -(a // 1.5)
a = 100000 + a << 1
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 LoadInt R0, #1
      2  2 LoadConst R1, K2.5
      3  3 AddInt R0, R0, #1
      4  4 AddInt R1, R0, #1 x=1
      5  5 LoadInt R2, #3
      6  5 Sub R0, R2, R1
      7  6 AddInt R0, R0, #-3 x=2
      8  7 SubK R0, R0, K0
      9  8 MulK R2, R1, K2 x=1
     10  8 LoadInt R3, #3
     11  8 Pow R3, R3, R0
     12  8 Div R0, R2, R3
     13  9 IDivK R2, R0, K1.5
     14  9 Neg R0, R2
     15 10 AddK R2, R0, K100000 x=1
     16 10 ShlK R0, R2, K1
     17 10 ReturnVararg R0, 1
    "#);
}

/// Folding stops at what could fail or would not survive as a constant.
#[test]
fn constants_are_folded() {
    let source = r#"
return 1 + 2 * 3, -(2 ^ 53), 7 // 2 | 8, not nil, 1 // 0, -0.0, 'a' + 1
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 LoadInt R0, #7
      2  2 LoadConst R1, K-9007199254740992.0
      3  2 LoadInt R2, #11
      4  2 LoadTrue R3
      5  2 LoadInt R4, #1
      6  2 IDivK R4, R4, K0
      7  2 LoadConst R5, K0.0
      8  2 Neg R5, R5
      9  2 LoadConst R6, K"a"
     10  2 AddInt R6, R6, #1
     11  2 ReturnVararg R0, 8
     12  2 ReturnVararg R0, 1
    "#);
}

/// Both senses, immediates on either side, constants of equality.
#[test]
fn comparisons_are_jumps() {
    let source = r#"
local a, b = ...
if a < b and 5 <= a or not (b > 1.5) then a = 1 end
if a == 'x' or nil ~= b then b = 2 end
while a >= 1 do if b then break end end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 Vararg R0, 3
      2  3 JumpNotLt R0, R1, -> 4
      3  3 JumpGeInt R0, #5, -> 6
      4  3 LoadConst R2, K1.5
      5  3 JumpLt R2, R1, -> 7
      6  3 LoadInt R0, #1
      7  4 JumpEqK R0, K"x", -> 9
      8  4 JumpEqK R1, Knil, -> 10
      9  4 LoadInt R1, #2
     10  5 JumpNotGeInt R0, #1, -> 13
     11  5 JumpIf R1, -> 13
     12  5 Jump -> 10
     13  5 ReturnVararg R0, 1
    "#);
}

/// Tests deliver the value they tested; comparisons load a boolean.
#[test]
fn conditions_as_values() {
    let source = r#"
local a, b, c = ...
local x = a and b or c
local y = a == b
local z = not (a < b and c)
return x or y
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 Vararg R0, 4
      2  3 JumpIfNot R0, -> 4
      3  3 JumpIfCopy R3, R1, -> 5
      4  3 Move R3, R2
      5  4 JumpEq R0, R1, -> 8
      6  4 LoadFalse R4
      7  4 Jump -> 9
      8  4 LoadTrue R4
      9  5 JumpNotLt R0, R1, -> 12
     10  5 Not R5, R2
     11  5 Jump -> 13
     12  5 LoadTrue R5
     13  6 JumpIfCopy R6, R3, -> 15
     14  6 Move R6, R4
     15  6 ReturnVararg R6, 2
     16  6 ReturnVararg R0, 1
    "#);
}

#[test]
fn constant_conditions_cost_nothing() {
    let source = r#"
while true do f() end
repeat g() until false
if false then h() end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 GetGlobal R0, U0 _ENV, K"f"
      2  2 Call R0, 1, 1
      3  2 Jump -> 1
      4  3 GetGlobal R0, U0 _ENV, K"g"
      5  3 Call R0, 1, 1
      6  3 Jump -> 4
      7  4 Jump -> 10
      8  4 GetGlobal R0, U0 _ENV, K"h"
      9  4 Call R0, 1, 1
     10  4 ReturnVararg R0, 1
    "#);
}

/// Tables and keys of targets are those from before the assignment.
#[test]
fn assignment_keeps_targets_apart() {
    let source = r#"
local a, i, t = ...
i, t[i] = i + 1, 20
t[i], i = i, t
a, t = t, a
a, t.x = f()
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 Vararg R0, 4
      2  3 AddInt R3, R1, #1
      3  3 LoadInt R4, #20
      4  3 SetIndex R2, R1, R4
      5  3 Move R1, R3
      6  4 Move R3, R1
      7  4 Move R4, R1
      8  4 Move R1, R2
      9  4 SetIndex R2, R3, R4
     10  5 Move R3, R2
     11  5 Move R2, R0
     12  5 Move R0, R3
     13  6 GetGlobal R3, U0 _ENV, K"f"
     14  6 Call R3, 1, 3
     15  6 SetField R2, K"x", R4
     16  6 Move R0, R3
     17  6 ReturnVararg R0, 1
    "#);
}

#[test]
fn tables_are_filled_in_batches() {
    let source = r#"
local t = {1, x = 2, [3] = 4, ['y'] = 5, [t] = 6, f(), ...}
t[1], t[-1], t.x, t[t] = t[65535], t[65536]
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 NewTable R0, 3, 4
      2  2 LoadInt R1, #1
      3  2 LoadInt R2, #2
      4  2 SetField R0, K"x", R2
      5  2 LoadInt R2, #4
      6  2 SetInt R0, 3, R2
      7  2 LoadInt R2, #5
      8  2 SetField R0, K"y", R2
      9  2 GetGlobal R2, U0 _ENV, K"t"
     10  2 LoadInt R3, #6
     11  2 SetIndex R0, R2, R3
     12  2 GetGlobal R2, U0 _ENV, K"f"
     13  2 Call R2, 1, 2
     14  2 Vararg R3, 0
     15  2 SetList R0, 0, 0
     16  3 LoadInt R1, #-1
     17  3 GetInt R2, R0, 65535
     18  3 LoadInt R3, #65536
     19  3 GetIndex R3, R0, R3
     20  3 LoadNil R4, 2
     21  3 SetIndex R0, R0, R5
     22  3 SetField R0, K"x", R4
     23  3 SetIndex R0, R1, R3
     24  3 SetInt R0, 1, R2
     25  3 ReturnVararg R0, 1
    "#);
}

#[test]
fn calls_take_arguments_in_place() {
    let source = r#"
local o = ...
o:m(1, o.x)
o.f(f(), f())
local a, b = f(...)
return o:m((f()))
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 Vararg R0, 2
      2  3 Method R1, R0, K"m"
      3  3 LoadInt R3, #1
      4  3 GetField R4, R0, K"x"
      5  3 Call R1, 4, 1
      6  4 GetField R1, R0, K"f"
      7  4 GetGlobal R2, U0 _ENV, K"f"
      8  4 Call R2, 1, 2
      9  4 GetGlobal R3, U0 _ENV, K"f"
     10  4 Call R3, 1, 0
     11  4 Call R1, 0, 1
     12  5 GetGlobal R1, U0 _ENV, K"f"
     13  5 Vararg R2, 0
     14  5 Call R1, 0, 3
     15  6 Method R3, R0, K"m"
     16  6 GetGlobal R5, U0 _ENV, K"f"
     17  6 Call R5, 1, 2
     18  6 TailCall R3, 3 x=1
     19  6 ReturnVararg R3, 0
     20  6 ReturnVararg R0, 1
    "#);
}

#[test]
fn only_reassigned_captures_live_in_cells() {
    let source = r#"
local shared, constant = 1, 2
local function recursive(n) shared = n return recursive(constant) end
local replaced
function replaced() return replaced end
return function(p) return function() p = shared end end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 LoadInt R0, #1
      2  2 LoadInt R1, #2
      3  2 NewCell R0
      4  3 Closure R2, function 0
      5  4 LoadNil R3, 1
      6  4 NewCell R3
      7  5 Closure R4, function 1
      8  5 SetCell R3, R4
      9  6 Closure R4, function 2
     10  6 ReturnVararg R4, 2
     11  6 ReturnVararg R0, 1
    main.0 [shared* recursive constant]
      0  3 SetCapturedCell R0, U0 shared
      1  3 GetCaptured R1, U1 recursive
      2  3 GetCaptured R2, U2 constant
      3  3 TailCall R1, 2
      4  3 Return R1, 0
      5  3 Return0
    main.1 [replaced*]
      0  5 GetCapturedCell R0, U0 replaced
      1  5 Return1 R0
      2  5 Return0
    main.2 [shared*]
      0  6 NewCell R0
      1  6 Closure R1, function 0
      2  6 Return1 R1
      3  6 Return0
    main.2.0 [p* shared*]
      0  6 GetCapturedCell R0, U1 shared
      1  6 SetCapturedCell R0, U0 p
      2  6 Return0
    "#);
}

/// The body's variable is the index itself unless the body assigns it.
#[test]
fn numeric_loops_share_their_index() {
    let source = r#"
for i = 1, 10 do f(i) end
for i = 10, 1, -1 do i = i + 1 end
for i = 1, 2 do f(function() i = i + 1 end) end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 LoadInt R0, #1
      2  2 LoadInt R1, #10
      3  2 ForPrep1 R0, -> 8
      4  2 GetGlobal R2, U0 _ENV, K"f"
      5  2 Move R3, R0
      6  2 Call R2, 2, 1
      7  2 ForLoop1 R0, -> 4
      8  3 LoadInt R0, #10
      9  3 LoadInt R1, #1
     10  3 LoadInt R2, #-1
     11  3 ForPrep R0, -> 15
     12  3 Move R3, R0
     13  3 AddInt R3, R3, #1
     14  3 ForLoop R0, -> 12
     15  4 LoadInt R0, #1
     16  4 LoadInt R1, #2
     17  4 ForPrep1 R0, -> 24
     18  4 Move R2, R0
     19  4 NewCell R2
     20  4 GetGlobal R3, U0 _ENV, K"f"
     21  4 Closure R4, function 0
     22  4 Call R3, 2, 1
     23  4 ForLoop1 R0, -> 18
     24  4 ReturnVararg R0, 1
    main.0 [i*]
      0  4 GetCapturedCell R0, U0 i
      1  4 AddInt R0, R0, #1
      2  4 SetCapturedCell R0, U0 i
      3  4 Return0
    "#);
}

#[test]
fn generic_loops_wrap_their_variables_each_round() {
    let source = r#"
for k, v in pairs(t) do
  if k then goto continue end
  f(function() v = k end)
  ::continue::
end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 GetGlobal R0, U0 _ENV, K"pairs"
      2  2 GetGlobal R1, U0 _ENV, K"t"
      3  2 Call R0, 2, 4
      4  2 Jump -> 10
      5  3 NewCell R4
      6  3 JumpIf R3, -> 10
      7  4 GetGlobal R5, U0 _ENV, K"f"
      8  4 Closure R6, function 0
      9  4 Call R5, 2, 1
     10  2 GenericCall R0, 2
     11  2 GenericLoop R0, -> 5
     12  6 ReturnVararg R0, 1
    main.0 [v* k]
      0  4 GetCaptured R0, U1 k
      1  4 SetCapturedCell R0, U0 v
      2  4 Return0
    "#);
}

#[test]
fn methods_and_fields_are_defined() {
    let source = r#"
local t = {}
function t.a.b:c(x) return self, x end
function g(...) return ... end
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 NewTable R0, 0, 0
      2  3 GetField R1, R0, K"a"
      3  3 GetField R1, R1, K"b"
      4  3 Closure R2, function 0
      5  3 SetField R1, K"c", R2
      6  4 Closure R1, function 1
      7  4 SetGlobal R1, U0 _ENV, K"g"
      8  4 ReturnVararg R0, 1
    main.0 []
      0  3 Move R2, R0
      1  3 Move R3, R1
      2  3 Return R2, 3
      3  3 Return0
    main.1 []
      0  4 VarargPrep 0
      1  4 Vararg R0, 0
      2  4 ReturnVararg R0, 0
      3  4 ReturnVararg R0, 1
    "#);
}

#[test]
fn environments_are_variables() {
    let source = r#"
local function f(_ENV) return x end
local function g() return function() return y end end
_ENV = f
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV*]
      0  1 VarargPrep 0
      1  2 Closure R0, function 0
      2  3 Closure R1, function 1
      3  4 SetCapturedCell R0, U0 _ENV
      4  4 ReturnVararg R0, 1
    main.0 []
      0  2 GetField R1, R0, K"x"
      1  2 Return1 R1
      2  2 Return0
    main.1 [_ENV*]
      0  3 Closure R0, function 0
      1  3 Return1 R0
      2  3 Return0
    main.1.0 [_ENV*]
      0  3 GetCapturedCell R0, U0 _ENV
      1  3 GetField R0, R0, K"y"
      2  3 Return1 R0
      3  3 Return0
    "#);
}

#[test]
fn concatenations_are_joined() {
    let source = r#"
local a, b = ...
return a .. 1 .. b .. (a .. b), (a .. b) .. a
"#;
    insta::assert_snapshot!(listing(source), @r#"
    main [_ENV]
      0  1 VarargPrep 0
      1  2 Vararg R0, 3
      2  3 Move R2, R0
      3  3 LoadInt R3, #1
      4  3 Move R4, R1
      5  3 Move R5, R0
      6  3 Move R6, R1
      7  3 Concat R2, R2, 5
      8  3 Move R3, R0
      9  3 Move R4, R1
     10  3 Concat R3, R3, 2
     11  3 Move R4, R0
     12  3 Concat R3, R3, 2
     13  3 ReturnVararg R2, 3
     14  3 ReturnVararg R0, 1
    "#);
}

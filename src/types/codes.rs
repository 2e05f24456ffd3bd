//! Every code of a diagnostic: how bad it is in which mode, and what `--explain` says about it (types §4.3).

use super::mode::Mode;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing.
    Hint,
    /// Likely a mistake.
    Warning,
    /// A mistake.
    Error,
}

impl Severity {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What is known about a code.
#[derive(Debug)]
pub struct CodeInfo {
    /// `E0001`
    pub code: &'static str,
    /// `type-mismatch`
    pub name: &'static str,
    /// In mode nonstrict.
    pub nonstrict: Option<Severity>,
    /// In mode strict.
    pub strict: Option<Severity>,
    /// Found in every mode, because it concerns the annotations themselves.
    pub always: bool,
    /// Only with `--rules`.
    pub rule: bool,
    /// What it means and what to do, for people who meet it for the first time.
    pub text: &'static str,
}

/// A code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Code(u8);

impl Code {
    /// What is known about it.
    pub fn info(self) -> &'static CodeInfo {
        &CODES[self.0 as usize]
    }

    /// The code with this text, in upper or lower case.
    pub fn find(text: &str) -> Option<Code> {
        let at = CODES.iter().position(|info| info.code.eq_ignore_ascii_case(text) || info.name == text)?;
        Some(Code(at as u8))
    }

    /// All codes.
    pub fn all() -> impl Iterator<Item = Code> {
        (0..CODES.len() as u8).map(Code)
    }

    /// How bad it is in a mode; `None`: it is not reported.
    pub fn severity(self, mode: Mode, rules: bool) -> Option<Severity> {
        let info = self.info();
        if info.rule && !rules {
            return None;
        }
        match mode {
            Mode::Nocheck => info.nonstrict.filter(|_| info.always || info.rule),
            Mode::Nonstrict => info.nonstrict,
            Mode::Strict => info.strict,
        }
    }
}

macro_rules! codes {
    ($($index:literal $id:ident $code:literal $name:literal $nonstrict:tt $strict:tt $kind:ident $text:literal)*) => {
        impl Code {
            $(#[doc = concat!("`", $code, "` ", $name)] pub const $id: Code = Code($index);)*
        }
        const CODES: &[CodeInfo] = &[$(CodeInfo {
            code: $code,
            name: $name,
            nonstrict: codes!(@severity $nonstrict),
            strict: codes!(@severity $strict),
            always: codes!(@always $kind),
            rule: codes!(@rule $kind),
            text: $text,
        }),*];
    };
    (@severity E) => { Some(Severity::Error) };
    (@severity W) => { Some(Severity::Warning) };
    (@severity H) => { Some(Severity::Hint) };
    (@severity -) => { None };
    (@always always) => { true };
    (@always $other:ident) => { false };
    (@rule rule) => { true };
    (@rule $other:ident) => { false };
}

codes! {
    0 SYNTAX "P0001" "syntax" E E always
        "The text is not a program.\n\nThe message is the one Lua gives; the place is that of the first token that no rule accepts."
    1 LIMIT "P0002" "limit" E E always
        "The program exceeds a limit of the language: 200 levels of nesting, 200 local variables in a function, 255 upvalues."
    2 CONTROL "P0003" "control" E E always
        "A `goto`, a `break` or `...` stands where it leads nowhere:\n\n    goto done          -- no label 'done' is visible here\n    break              -- outside a loop\n    local a = ...      -- outside a vararg function"
    3 MISMATCH "E0001" "type-mismatch" E E checked
        "A value has another type than the place it goes to was declared with.\n\n    local port: integer = \"80\"        -- string not assignable to integer\n\nConvert the value, change the declaration, or narrow the value first:\n\n    if type(v) == \"string\" then name = v end\n\nWhere you know better than the checker, a cast says so: `v :: string`."
    4 NOT_CALLABLE "E0002" "not-callable" E E checked
        "A value that is no function, and has no `__call`, is called.\n\n    local n = 5\n    n()"
    5 ARITY "E0003" "wrong-arity" E E checked
        "A call passes too few or too many arguments.\n\n    local function add(a: number, b: number) return a + b end\n    add(1)             -- 'b' is missing\n    add(1, 2, 3)       -- 3 is lost\n\nA parameter may be left out if its type accepts nil: `b: number?`. A method that is defined with `:` wants to be called with `:`."
    6 NO_FIELD "E0004" "no-field" E E checked
        "A table type has no field of this name.\n\n    local p: {x: number} = {x = 1}\n    p.z = 2\n\nCorrect the name, or add the field to the type; `z?: number` may be absent."
    7 NOT_INDEXABLE "E0005" "not-indexable" E E checked
        "A value without fields is indexed: nil, a boolean, a number or a function."
    8 UNDEFINED_GLOBAL "E0006" "undefined-global" W E checked
        "A global variable is read that no library defines and the chunk never assigns. Usually the name is misspelt, or a `local` is missing above."
    9 NARROW_FIRST "E0007" "narrow-first" - E checked
        "An `unknown` value is used as an operand. Find out first what it is:\n\n    if type(v) == \"number\" then total = total + v end"
    10 READONLY "E0008" "readonly" E E checked
        "A field that is declared `readonly` is assigned. Such a field gets its value where the table is made."
    11 UNREACHABLE "E0009" "unreachable" - H checked
        "No path of the program leads here: a `return`, an `error(…)` or an endless loop comes before."
    12 MISSING_RETURN "E0010" "missing-return" E E checked
        "A function with declared results can reach its end without `return`.\n\n    local function sign(n: number): string\n        if n < 0 then return \"-\" end\n    end                -- n >= 0 gets here\n\nReturn something there, call `error`, or declare the result optional."
    13 TOO_COMPLEX "E0011" "too-complex" W W checked
        "A type has too many members or nests too deep. It is treated as `any`."
    14 UNKNOWN_TYPE "E0012" "unknown-type" E E always
        "No type of this name is visible here. Types are predeclared (`number`, `string`, …), declared by `type N = …` in this block or one around it, or exported by a module: `M.T` where `local M = require(\"m\")`."
    15 CIRCULAR "E0013" "circular-alias" E E always
        "An alias stands for itself, so that it stands for nothing. A recursive type needs a table or a function in between:\n\n    type List = {value: number, next: List?}"
    16 NON_EXHAUSTIVE "E0014" "non-exhaustive" - W checked
        "A chain of tests of a discriminant leaves a member of the union out, and has no `else`."
    17 USE_BEFORE_ASSIGN "E0015" "use-before-assign" E E checked
        "A local variable whose type does not accept nil is read before anything was assigned to it."
    18 CONSTRAINT "E0016" "constraint-violated" W E checked
        "A constant violates a validator of the type it goes to:\n\n    local age: integer @min(0) = -1"
    19 DUPLICATE "E0017" "duplicate" E E always
        "Two things of one name where only one can be: types of a block, fields of a table type, type parameters; or a predeclared type is declared again."
    20 BAD_INDEX "E0018" "bad-index-type" E E checked
        "The key has a type that this table type has no values for.\n\n    local ages: {[string]: integer} = {}\n    ages[1] = 30"
    21 BAD_OPERAND "E0019" "bad-operand" E E checked
        "An operator gets an operand it has no meaning for.\n\n    local total = 1 + nil\n    local text = \"a\" .. {}\n\nIf the operand may be nil, test it first or give a default: `(n or 0) + 1`. Strings are not converted to numbers by the checker: write `tonumber(s)`."
    22 EMPTY_TYPE "E0020" "empty-type" W E checked
        "No value can have this type: `number & string`, or a record one of whose fields can have none."
    23 OPTIONAL_CALL "E0021" "optional-call" E E checked
        "The value may be nil, and is called.\n\n    if callback then callback() end"
    24 NO_METHOD "E0022" "no-method" E E checked
        "The object has no method of this name. Methods of a record type are its fields that are functions, called with `:`.\n\n    local name: string = \"x\"\n    name:uper()"
    25 OPTIONAL_INDEX "E0023" "optional-index" E E checked
        "The value may be nil, and is indexed. Test it first, or say with `v!` that it is there:\n\n    if user then print(user.name) end"
    26 TYPE_ARGUMENTS "E0024" "type-arguments" E E always
        "A generic type gets another number of type arguments than it has parameters, or one that does not satisfy the constraint of its parameter."
    27 IMPOSSIBLE_CAST "E0025" "impossible-cast" W E checked
        "A cast from one type to another that has no value in common with it. Cast to `any` first if you mean it."
    28 UNRESOLVED_MODULE "E0026" "unresolved-module" - W checked
        "`require` names a module whose types are not known here; its value is `any`."
    29 NO_OVERLAP "E0027" "no-overlap" - W checked
        "Two values are compared that can never be equal."
    30 ALIAS_VALUE "E0028" "alias-value" E E always
        "A type is not a variable: nothing can be assigned to it, and its value exists only after its declaration."
    31 BAD_VALIDATOR "E0029" "bad-validator" E E always
        "No validator of this name exists, it does not apply to this type, or its argument makes no sense. Validators are `@min(n)`, `@max(n)` on numbers, `@min_len(n)`, `@max_len(n)` on strings and tables, `@pattern(\"…\")` on strings, `@integer` and `@closed`."
    32 MISSING_ANNOTATION "E0030" "missing-annotation" - E checked
        "Annotations are required of functions that leave the module, and this one has none."
    33 IGNORED_ERROR "E0031" "ignored-error" - H checked
        "The second result tells why the first may be missing, and nobody looks at it:\n\n    local file, err = io.open(name)\n    if not file then return nil, err end"
    34 UNDECLARED_REQUIRE "E0032" "undeclared-require" E E always
        "An entry requires a module that is neither among its imports nor among its modules."
    35 EMPTY_BLOCK "W0001" "no-empty-blocks" W W rule
        "A block without statements and without a comment."
    36 GLOBAL_ASSIGN "W0002" "no-global-assign" W W rule
        "A global variable is assigned. Write `local`, or assign to a field of a table."
    37 SELF_COMPARE "W0003" "no-self-compare" W W rule
        "Both sides of a comparison are the same variable. (To test for NaN, `x ~= x` is usual; a comment helps the reader.)"
    38 UNUSED_VARIABLE "W0004" "no-unused-vars" W W rule
        "A local variable is never read. Names that begin with `_` are exempt."
    39 UNUSED_PARAMETER "W0005" "no-unused-params" W W rule
        "A parameter is never read. Names that begin with `_` are exempt, as in `function(_, value)`."
    40 UNUSED_IMPORT "W0006" "no-unused-imports" W W rule
        "The result of a `require` is never read. If the module is wanted for its effects, write the call as a statement."
    41 SHADOWED "W0007" "no-shadowed-vars" W W rule
        "A local variable hides another one of the same name, which cannot be reached until its scope ends."
    42 AMBIGUOUS_AS "W0008" "ambiguous-as" W W always
        "`as` begins a new statement here, as it would in Lua. For a cast write `::`, or put the cast in parentheses."
    43 BAD_MODE "W0009" "bad-mode-comment" W W always
        "A comment such as `--!strict` is misspelt, or a second one contradicts the first."
    44 EXCESS_FIELD "W0010" "no-excess-field" W W rule
        "A table constructor has a field that the expected type does not mention. Often the name is misspelt."
    45 CALL_ON_NEW_LINE "W0011" "call-on-new-line" W W always
        "A `(` at the beginning of a line calls the value that ends the line before. Write `;` between them for two statements."
    46 REDUNDANT "W0012" "redundant-assertion" W W rule
        "An assertion `!` on a value that is never nil, or a cast to the type it has already."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_explained() {
        for code in Code::all() {
            let info = code.info();
            assert_eq!(Code::find(info.code), Some(code));
            assert_eq!(Code::find(info.name), Some(code));
            assert!(info.text.len() > 40, "{} has an explanation", info.code);
            assert!(info.nonstrict <= info.strict, "{}: strict is stricter", info.code);
        }
        let codes: Vec<&str> = Code::all().map(|code| code.info().code).collect();
        for kind in ["P", "E", "W"] {
            let of_kind: Vec<_> = codes.iter().filter(|code| code.starts_with(kind)).collect();
            assert!(of_kind.is_sorted(), "{of_kind:?}");
        }
    }
}

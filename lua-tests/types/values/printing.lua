-- Types as text: types specification §5.8.

local function parsed(text)
  return assert(load("type T = " .. text .. " return T", "=printed"))()
end

-- Canonical text, which read again gives an equal type.
do
  local texts = {
    "{x: number, y?: string}", "{[string]: number}", "{integer}", "number?", '"a" | "b"', "(number, string) -> boolean",
    "(boolean | string)?", "((number) -> string)?", "string @min_len(1)", "{}", "function", "{{number}}",
    "{readonly x: number}", "readonly {number}", "readonly {[string]: number}", "{a: 1, [integer]: string}",
    "(a: number, b?: string, ...any) -> (boolean, ...integer)", "() -> ()", "() -> ...any", "(...string) -> number?",
    "(number | string) @min(1) @max_len(2)", "number? @min(0)", '{["end"]: integer, ["a b"]: 1}', "-5", "1.5", "3.0",
    "1e+300", "true", "false?", '"a\\"b\\\\c\\n\\000\\255"', "((number) -> ()) -> () -> string",
    "{(number) -> string}", "userdata @opaque(\"file\") & {read: function}", "((number) -> string) & ((string) -> number)",
    '{kind: "sq", side: number} | {kind: "ci", r: number}', 'string @pattern("^a\\\\d$")', "number @min(0.5) @integer",
    "{x: number} @closed", '{[("a")]: number}', "thread", "any", "unknown", "never", "error", "type", "userdata", "table",
  }
  for _, text in ipairs(texts) do
    local T = parsed(text)
    local source = T:source()
    assert(source == text or text:find("^1e") , source)
    assert(parsed(source) == T, source)
  end
end

-- Names stand for types that have one.
do
  type Id = string
  type User = {id: Id, friends: {User}, box: Box<Id>?}
  type Box<T> = {value: T}
  assert(tostring(User) == "User" and User:source() == "{id: Id, friends: {User}, box: Box<Id>?}")
  assert(tostring(Box) == "Box" and tostring(Box(Number)) == "Box<number>" and tostring(Box(Id)) == "Box<Id>")
  assert(tostring(User.friends) == "{User}" and tostring(User.box) == "Box<Id>?")
  assert(tostring(Number) == "number" and tostring(Nil) == "nil")
  assert(("%s"):format(User) == "User" and #tostring(User) == 4)
end

-- Depth over 8.
do
  local function nested(n) return ("{"):rep(n) .. "number" .. ("}"):rep(n) end
  assert(parsed(nested(8)):source() == nested(8))
  assert(parsed(nested(20)):source() == ("{"):rep(9) .. "{...}" .. ("}"):rep(9))
end

-- Parts that are shared many times over do not make a text without end.
do
  local source = {"type T0 = {a: number}"}
  for i = 1, 7 do
    local fields = {}
    for j = 1, 20 do fields[j] = ("f%d: B<B<B<T%d>>>"):format(j, i - 1) end
    source[#source + 1] = ("type T%d = {%s}"):format(i, table.concat(fields, ", "))
  end
  source[#source + 1] = "type B<T> = {l: T, r: T} type Wide = typeof(({} :: T7)) return T7, B"
  local T, B = load(table.concat(source, "\n"))()
  assert(#T:source() < 70000 and tostring(T) == "T7")
end

-- print and messages.
do
  type Named = {x: number}
  local parts = {}
  parts[#parts + 1] = tostring(Named)
  assert(table.concat(parts) == "Named")
  local ok, message = pcall(error, Named)
  assert(not ok and message == Named)
end

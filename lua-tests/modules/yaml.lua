-- The module `yaml` (modules.md §4.10).
local yaml, json = require("yaml"), require("json")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
  return err
end

do -- decoding
  local data = assert(yaml.decode([[
text: plain
quoted: "a\tb"
number: 12
hex: 0x1f
float: 1.5
yes: yes
on: true
nothing: ~
when: 2024-01-02
list:
  - a
  - {b: c}
block: |
  two
  lines
base: &base {x: 1, y: 2}
derived:
  <<: *base
  y: 3
]]))
  assert(data.text == "plain" and data.quoted == "a\tb" and data.number == 12 and data.hex == 31)
  assert(data.float == 1.5 and data.yes == "yes" and data.on == true and data.nothing == nil)
  assert(data.when == "2024-01-02" and data.list[1] == "a" and data.list[2].b == "c")
  assert(data.block == "two\nlines\n" and data.derived.x == 1 and data.derived.y == 3)
  assert(yaml.decode("a: 1\n---\nb: 2").a == 1)
  assert(yaml.decode("- 1\n- 2")[2] == 2 and yaml.decode("3") == 3 and yaml.decode("# nothing") == nil)
end

do -- text that is not YAML
  refused(errors.INVALID, "string", yaml.decode(1))
  refused(errors.INVALID, "empty", yaml.decode(""))
  local details = refused(errors.INTERNAL, "decode failed", yaml.decode("a: 1\nb: [1")):details()
  assert(details.line >= 2 and details.column >= 1)
  refused(errors.INTERNAL, "duplicate key 'a'", yaml.decode("a: 1\na: 2"))
  refused(errors.INTERNAL, "UTF-8", yaml.decode("a: \xff"))
  refused(errors.INTERNAL, "deeply", yaml.decode(("["):rep(200) .. ("]"):rep(200)))
  refused(errors.INTERNAL, "too much", yaml.decode("a: &a [" .. ("x,"):rep(2000) .. "x]\nb: [*a,*a,*a,*a,*a,*a]"))
end

do -- encoding
  assert(yaml.encode{1, "a", {2, 3}, {}} == "- 1\n- a\n- - 2\n  - 3\n- []\n")
  assert(yaml.encode{a = {b = {1}}} == "a:\n  b:\n    - 1\n")
  assert(yaml.encode({a = {b = 1}}, {indent = 4}) == "a:\n    b: 1\n")
  local map = {b = 1, a = 2, c = 3}
  assert(yaml.encode(map, {field_order = {"c"}, sort_unordered = true}) == "c: 3\na: 2\nb: 1\n")
  assert(yaml.encode{{x = 1}} == "- x: 1\n")
  assert(yaml.encode{["a: b"] = "- c"} == '"a: b": "- c"\n')
  -- What is read again is the same.
  for _, text in ipairs {
    "", "true", "null", "~", "12", "1.5", "0x1", "-", "- a", "a: b", "a #b", "#", "'", '"', "a\nb", " a", "a ", "é", "<<", "%",
    "yes", "2024-01-02", "*a", "&a", "[", "{", "...", "---", "a:", ":a", "\0", "!x", "? x", ".inf",
  } do
    local again, err = yaml.decode(assert(yaml.encode{text, {[text] = text}}))
    assert(err == nil, text .. ": " .. tostring(err))
    assert(again[1] == text and again[2][text] == text, text)
  end
  local document = {name = "x", list = {1, {a = {{b = {}}, "c"}}, {}}, deep = {deeper = {{{1}}}}}
  assert(json.encode(yaml.decode(yaml.encode(document)).list) == json.encode(document.list))
  assert(yaml.decode(yaml.encode(document)).deep.deeper[1][1][1] == 1)
end

do -- what cannot be encoded
  refused(errors.INVALID, "table", yaml.encode(1))
  refused(errors.INVALID, "table", yaml.encode())
  refused(errors.INTERNAL, "mixed", yaml.encode{1, a = 1})
  refused(errors.INTERNAL, "sparse", yaml.encode{[2] = 1})
  local loop = {}
  loop.loop = loop
  refused(errors.INTERNAL, "recursive", yaml.encode(loop))
  local deep = {}
  for _ = 1, 127 do deep = {deep} end
  assert(yaml.encode(deep))
  refused(errors.INTERNAL, "depth", yaml.encode{deep})
  refused(errors.INVALID, "indent", yaml.encode({}, {indent = 0}))
  refused(errors.INVALID, "field_order", yaml.encode({}, {field_order = 1}))
  refused(errors.INVALID, "sort_unordered", yaml.encode({}, {sort_unordered = 1}))
end

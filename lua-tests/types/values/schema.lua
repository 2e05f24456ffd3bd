-- `T:schema()`, JSON Schema: types specification §5.7.

-- A table as text, with sorted keys.
local function text(value)
  if type(value) ~= "table" then return (("%q"):format(value):gsub("0x1p%+0", "1.0")) end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do parts[i] = (type(key) == "string" and key .. "=" or "") .. text(value[key]) end
  return "{" .. table.concat(parts, ",") .. "}"
end
local function shows(T, wanted)
  local got = T:schema() == nil and "nil" or text(T:schema())
  assert(got == wanted, got)
end

-- Basic kinds.
do
  shows(Nil, '{type="null"}') shows(Boolean, '{type="boolean"}') shows(Number, '{type="number"}')
  shows(Float, '{type="number"}') shows(Integer, '{type="integer"}') shows(String, '{type="string"}')
  shows(Table, '{type="object"}') shows(Any, "{}") shows(Unknown, "{}") shows(Never, "{not={}}")
end

-- Literals and unions.
do
  type A = "a"
  type AB = "a" | "b" | 3
  type Mixed = "a" | number
  type Maybe = string?
  shows(A, '{const="a"}') shows(AB, '{enum={"a","b",3}}') shows(Mixed, '{anyOf={{const="a"},{type="number"}}}')
  shows(Maybe, '{anyOf={{type="string"},{type="null"}}}')
end

-- Tables. What is nil is left out of an object.
do
  type Numbers = {number}
  type Counts = {[string]: integer}
  type User = {name: string, age?: integer, note: string?, tags: {string}}
  type Open = {id: integer, [string]: boolean}
  type Exact = {x: number} @closed
  type Empty = {}
  shows(Numbers, '{items={type="number"},type="array"}')
  shows(Counts, '{additionalProperties={type="integer"},type="object"}')
  shows(User, '{properties={age={type="integer"},name={type="string"},note={type="string"},'
    .. 'tags={items={type="string"},type="array"}},required={"name","tags"},type="object"}')
  shows(Open, '{additionalProperties={type="boolean"},properties={id={type="integer"}},required={"id"},type="object"}')
  shows(Exact, '{additionalProperties=false,properties={x={type="number"}},required={"x"},type="object"}')
  shows(Empty, '{type="object"}')
end

-- Validators.
do
  type Age = integer @min(0) @max(150)
  type Word = string @min_len(1) @max_len(9) @pattern("^a")
  type List = {number} @min_len(1) @max_len(2)
  type Map = {[string]: number} @min_len(1) @max_len(2)
  type Whole = number @integer
  shows(Age, '{maximum=150,minimum=0,type="integer"}')
  shows(Word, '{maxLength=9,minLength=1,pattern="^a",type="string"}')
  shows(List, '{items={type="number"},maxItems=2,minItems=1,type="array"}')
  shows(Map, '{additionalProperties={type="number"},maxProperties=2,minProperties=1,type="object"}')
  shows(Whole, '{type="integer"}')
end

-- Recursive types refer to their definition.
do
  type Tree = {value: integer, kids: {Tree}}
  type Forest = {trees: {Tree}, first: Tree}
  local definition = '{Tree={properties={kids={items={$ref="#/$defs/Tree"},type="array"},value={type="integer"}},'
    .. 'required={"value","kids"},type="object"}}'
  shows(Tree, '{$defs=' .. definition .. ',$ref="#/$defs/Tree"}')
  shows(Forest, '{$defs=' .. definition .. ',properties={first={$ref="#/$defs/Tree"},trees={items={$ref="#/$defs/Tree"},'
    .. 'type="array"}},required={"trees","first"},type="object"}')
  local other = (function() type Tree = {up: Tree?} return Tree end)()
  local schema = require("types").record({a = Tree, b = other}):schema()
  assert(schema.properties.a["$ref"] == "#/$defs/Tree" and schema.properties.b["$ref"] == "#/$defs/Tree2")
  assert(schema["$defs"].Tree2.properties.up["$ref"] == "#/$defs/Tree2")
end

-- What is no data has none.
do
  type F = {handler: function}
  type G = {(number) -> ()}
  type Box<T> = {value: T}
  shows(Function, "nil") shows(F, "nil") shows(G, "nil") shows(Error, "nil") shows(Box, "nil")
  shows(Box(Number), '{properties={value={type="number"}},required={"value"},type="object"}')
end

-- Each call makes tables of its own.
do
  local schema = Number:schema()
  schema.type = "changed"
  assert(Number:schema().type == "number")
end

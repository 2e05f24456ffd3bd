-- Random types and values against a validator that follows the table of §5.4 word by word; laws of text and order.

local state = 42
local function random(n)
  state = (state * 6364136223846793005 + 1442695040888963407)
  return (state >> 33) % n + 1
end
local function pick(list) return list[random(#list)] end

local basics = {"nil", "boolean", "number", "integer", "float", "string", "table", "function", "any", "unknown", "never"}
local literals = {1, 2, 2.0, 0.5, -1, "a", "b", "long word", true, false}
local names = {"a", "b", "c", "end"}

-- Types as trees.

local make
local function make_list(depth, n)
  local list = {}
  for i = 1, n do list[i] = make(depth - 1) end
  return list
end
function make(depth)
  local choice = depth <= 0 and random(2) or random(9)
  if choice == 1 then return {kind = "basic", name = pick(basics)} end
  if choice == 2 then return {kind = "literal", value = pick(literals)} end
  if choice == 3 then return {kind = "array", item = make(depth - 1)} end
  if choice == 4 then return {kind = "optional", inner = make(depth - 1)} end
  if choice == 5 then return {kind = "union", members = make_list(depth, 1 + random(2))} end
  if choice == 6 then return {kind = "map", key = make(0), value = make(depth - 1)} end
  if choice == 7 then
    return {kind = "length", inner = {kind = "array", item = make(depth - 1)}, min = random(2), max = 1 + random(2)}
  end
  if choice == 8 then return {kind = "range", inner = {kind = "basic", name = pick {"number", "integer"}}, min = random(3) - 2} end
  local fields = {}
  for _, name in ipairs(names) do
    if random(2) == 1 then
      fields[#fields + 1] = {name = name, optional = random(3) == 1, readonly = random(3) == 1, ty = make(depth - 1)}
    end
  end
  return {kind = "record", fields = fields}
end

local text
local texts = {
  basic = function(t) return t.name end,
  literal = function(t) return ("%q"):format(t.value):gsub("^0x.*", tostring(t.value)) end,
  array = function(t) return "{" .. text(t.item) .. "}" end,
  optional = function(t) return "(" .. text(t.inner) .. ")?" end,
  union = function(t)
    local parts = {}
    for i, member in ipairs(t.members) do parts[i] = "(" .. text(member) .. ")" end
    return table.concat(parts, " | ")
  end,
  -- `["a"]: T` would be a field.
  map = function(t) return "{[(" .. text(t.key) .. ")]: " .. text(t.value) .. "}" end,
  length = function(t) return text(t.inner) .. " @min_len(" .. t.min .. ") @max_len(" .. t.max .. ")" end,
  range = function(t) return text(t.inner) .. " @min(" .. t.min .. ")" end,
  record = function(t)
    local parts = {}
    for i, f in ipairs(t.fields) do
      parts[i] = (f.readonly and "readonly " or "") .. '["' .. f.name .. '"]' .. (f.optional and "?" or "") .. ": " .. text(f.ty)
    end
    return "{" .. table.concat(parts, ", ") .. "}"
  end,
}
function text(t) return (texts[t.kind](t)) end

-- The reference.

local holds
local checks = {
  basic = function(t, v)
    if t.name == "any" or t.name == "unknown" then return true end
    if t.name == "never" then return false end
    if t.name == "integer" or t.name == "float" then return math.type(v) == t.name end
    return type(v) == t.name
  end,
  literal = function(t, v) return v == t.value and math.type(v) == math.type(t.value) end,
  array = function(t, v)
    if type(v) ~= "table" then return false end
    if #v == 0 and next(v) ~= nil then return false end
    for i = 1, #v do
      if v[i] ~= nil and not holds(t.item, v[i]) then return false end
    end
    return true
  end,
  optional = function(t, v) return v == nil or holds(t.inner, v) end,
  union = function(t, v)
    for _, member in ipairs(t.members) do
      if holds(member, v) then return true end
    end
    return false
  end,
  map = function(t, v)
    if type(v) ~= "table" then return false end
    for k, item in pairs(v) do
      if not holds(t.key, k) or not holds(t.value, item) then return false end
    end
    return true
  end,
  length = function(t, v) return holds(t.inner, v) and #v >= t.min and #v <= t.max end,
  range = function(t, v) return holds(t.inner, v) and v >= t.min end,
  record = function(t, v)
    if type(v) ~= "table" then return false end
    for _, f in ipairs(t.fields) do
      if not (v[f.name] == nil and f.optional) and not holds(f.ty, v[f.name]) then return false end
    end
    return true
  end,
}
function holds(t, v) return checks[t.kind](t, v) end

-- Values: any, and such as are likely to be of a type.

local function value(depth)
  local choice = random(depth > 0 and 10 or 7)
  if choice == 1 then return nil end
  if choice <= 4 then return pick(literals) end
  if choice == 5 then return pick {0 / 0, -5, 3.5, "other", print} end
  if choice <= 7 then return {} end
  local t = {}
  if choice == 8 then
    for i = 1, random(3) do t[i] = value(depth - 1) end
  else
    for _, name in ipairs(names) do t[name] = value(depth - 1) end
    if choice == 10 then t[random(3)] = value(0) end
  end
  return t
end
local likely
local likelies = {
  basic = function(t)
    local examples = {boolean = false, number = 2.0, integer = 1, float = 0.5, string = "b", ["function"] = print}
    if t.name == "table" then return {value(0)} end
    return examples[t.name]
  end,
  literal = function(t) return t.value end,
  array = function(t) return {likely(t.item), likely(t.item)} end,
  optional = function(t) return likely(t.inner) end,
  union = function(t) return likely(pick(t.members)) end,
  map = function(t)
    local k = likely(t.key)
    return (k == nil or k ~= k) and {} or {[k] = likely(t.value)}
  end,
  length = function(t) return likely(t.inner) end,
  range = function(t) return likely(t.inner) end,
  record = function(t)
    local v = {}
    for _, f in ipairs(t.fields) do v[f.name] = likely(f.ty) end
    return v
  end,
}
function likely(t)
  if random(12) == 1 then return value(1) end
  return likelies[t.kind](t)
end

local function parsed(source) return assert(load("type T = " .. source .. " return T", "=random"))() end

local trees, types, accepted, ordered = {}, {}, 0, 0
for i = 1, 400 do
  local tree = make(3)
  local T = parsed(text(tree))
  trees[i], types[i] = tree, T
  assert(parsed(T:source()) == T, text(tree))
  assert(T <= T and T >= T and not (T < T))
  for _ = 1, 12 do
    local v = likely(tree)
    local _, err = T:is(v)
    local expected = holds(tree, v)
    assert((err == nil) == expected, text(tree) .. " became " .. T:source() .. ": " .. tostring(err))
    assert((T:is(v)) == (expected and v or nil) or v ~= v or v == false, "asked for one result")
    if expected then accepted = accepted + 1 end
  end
end
assert(accepted > 1000, "values that pass were among them")

-- A subtype has no values that the supertype does not have, and the relation is transitive: both where no `any` is involved,
-- and no field may be absent (a record may have fields of other types where its type has none).
local closed = {}
for i = 1, #types do
  local source = text(trees[i])
  if not source:find("an[y]") and not source:find("unknown", 1, true) and not source:find("nil", 1, true)
    and not source:find("?", 1, true) then
    closed[#closed + 1] = i
  end
end
for _, i in ipairs(closed) do
  for _, j in ipairs(closed) do
    if i ~= j and types[i] <= types[j] then
      ordered = ordered + 1
      for _ = 1, 3 do
        local v = likely(trees[i])
        assert(not holds(trees[i], v) or holds(trees[j], v), text(trees[i]) .. " <= " .. text(trees[j]))
      end
      for _ = 1, 10 do
        local k = pick(closed)
        if types[j] <= types[k] then
          assert(types[i] <= types[k], text(trees[i]) .. " <= " .. text(trees[j]) .. " <= " .. text(trees[k]))
        end
      end
    end
  end
end
assert(ordered > 300, "there were pairs in order")

-- Manual §6.6: table manipulation.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
-- concat.
do
  assert(table.concat {} == "" and table.concat { 1, 2.5, "x" } == "12.5x" and table.concat({ 1, 2, 3 }, ", ") == "1, 2, 3")
  assert(table.concat({ 1, 2, 3 }, "-", 2) == "2-3" and table.concat({ 1, 2, 3 }, "-", 2, 2) == "2" and table.concat({ 1, 2, 3 }, "-", 3, 2) == "")
  assert(table.concat({ [-1] = "a", [0] = "b", "c" }, "", -1, 1) == "abc" and table.concat({ "a", "b" }, 0) == "a0b")
  assert(table.concat({ [math.maxinteger] = "end" }, "", math.maxinteger, math.maxinteger) == "end")
  fails("invalid value (nil) at index 1 in table for 'concat'", function() table.concat({}, "", 1, 1) end)
  fails("invalid value (table) at index 2 in table for 'concat'", function() table.concat { "a", {} } end)
  fails("invalid value (boolean) at index 1 in table for 'concat'", function() table.concat { true } end)
end

-- insert, remove.
do
  local t = {}
  table.insert(t, "b") table.insert(t, 1, "a") table.insert(t, 3, "d") table.insert(t, 3, "c")
  assert(table.concat(t) == "abcd" and select("#", table.insert(t, "e")) == 0)
  assert(table.remove(t) == "e" and table.remove(t, 1) == "a" and table.remove(t, 2) == "c" and table.concat(t) == "bd")
  assert(table.remove(t, 3) == nil and table.remove(t, #t) == "d" and table.remove(t) == "b" and table.remove(t) == nil and #t == 0)
  assert(table.remove({}, 0) == nil and table.remove({ [0] = "zero" }, 0) == "zero" and select("#", table.remove {}) == 1)
  fails("bad argument #2 to 'insert' (position out of bounds)", function() table.insert({ 1 }, 3, "x") end)
  fails("bad argument #2 to 'insert' (position out of bounds)", function() table.insert({ 1 }, 0, "x") end)
  fails("bad argument #1 to 'remove' (position out of bounds)", function() table.remove({ 1, 2 }, 4) end)
  fails("wrong number of arguments to 'insert'", function() table.insert({}) end)
  fails("wrong number of arguments to 'insert'", function() table.insert({}, 1, 2, 3) end)
  fails("bad argument #2 to 'insert' (number expected, got string)", function() table.insert({}, "x", 1) end)
  local queue, log = {}, {}
  for i = 1, 100 do table.insert(queue, i) if i % 3 == 0 then log[#log + 1] = table.remove(queue, 1) end end
  assert(#queue == 67 and #log == 33 and log[33] == 33 and queue[1] == 34)
end

-- pack, unpack.
do
  local p = table.pack()
  assert(p.n == 0 and #p == 0)
  p = table.pack(nil, 1, nil)
  assert(p.n == 3 and p[1] == nil and p[2] == 1 and p[3] == nil)
  assert(select("#", table.unpack {}) == 0 and select("#", table.unpack({}, 1, 3)) == 3 and select("#", table.unpack({ 1, 2 }, 2)) == 1)
  local a, b, c = table.unpack({ 1, 2, 3 }, -1, 1)
  assert(a == nil and b == nil and c == 1 and select("#", table.unpack({ 1 }, 2, 1)) == 0)
  assert(table.unpack({ [math.maxinteger] = "m" }, math.maxinteger, math.maxinteger) == "m" and table.unpack("abc", 1, 0) == nil)
  assert(select("#", table.unpack(table.pack(nil, nil), 1, 2)) == 2)
  fails("too many results to unpack", table.unpack, {}, 1, 1 << 31)
end

-- move.
do
  local function m(...) return table.concat(table.move(...), ",") end
  assert(m({ 1, 2, 3 }, 1, 3, 1) == "1,2,3" and m({ 1, 2, 3 }, 1, 3, 2) == "1,1,2,3" and m({ 1, 2, 3 }, 2, 3, 1) == "2,3,3" and m({ 1, 2, 3 }, 1, 0, 5) == "1,2,3")
  assert(m({ 1, 2, 3 }, 1, 3, 3, { "a", "b" }) == "a,b,1,2,3" and m({ 1, 2, 3 }, 2, 3, 1, {}) == "2,3")
  local t = table.move({ 10, 20 }, 1, 2, 0)
  assert(t[0] == 10 and t[1] == 20 and t[2] == 20)
  t = table.move({ [math.maxinteger] = 1 }, math.maxinteger, math.maxinteger, 1)
  assert(t[1] == 1)
  fails("bad argument #3 to 'move' (too many elements to move)", function() table.move({}, math.mininteger, math.maxinteger, 1) end)
  fails("bad argument #4 to 'move' (destination wrap around)", function() table.move({}, 1, 10, math.maxinteger) end)
  local log = {}
  local source = setmetatable({}, { __index = function(_, i) log[#log + 1] = "r" .. i return i end })
  local target = setmetatable({}, { __newindex = function(_, i, v) log[#log + 1] = "w" .. i end })
  table.move(source, 1, 2, 1, target)
  assert(table.concat(log, " ") == "r1 w1 r2 w2")
end

-- sort.
do
  local function check(t, f)
    local before, n = {}, #t
    for i = 1, n do before[t[i]] = (before[t[i]] or 0) + 1 end
    table.sort(t, f)
    f = f or function(a, b) return a < b end
    for i = 2, n do assert(not f(t[i], t[i - 1]), "out of order at " .. i) end
    for i = 1, n do before[t[i]] = before[t[i]] - 1 end
    for _, c in pairs(before) do assert(c == 0, "elements changed") end
  end
  check {} check { 1 } check { 2, 1 } check { 3, 1, 2 } check { "b", "a", "B", "", "ab" } check { 1.5, 1, -0.5, 2 }
  local seed = 42
  local function random(n) seed = (seed * 1103515245 + 12345) & 0x7fffffff return seed % n + 1 end
  for _, n in ipairs { 10, 100, 500 } do
    local t, u, v, w = {}, {}, {}, {}
    for i = 1, n do t[i], u[i], v[i], w[i] = random(n * 10), i, n - i, random(3) end
    check(t) check(u) check(v) check(w)
    check(t, function(a, b) return a > b end)
    check(w, function() return false end)
  end
  local people = { { n = "b", a = 2 }, { n = "a", a = 2 }, { n = "c", a = 1 } }
  table.sort(people, function(x, y) if x.a ~= y.a then return x.a < y.a end return x.n < y.n end)
  assert(people[1].n == "c" and people[2].n == "a" and people[3].n == "b")
  fails("attempt to compare string with number", function() table.sort { 1, "x" } end)
  fails("attempt to compare two table values", function() table.sort { {}, {} } end)
  fails("bad argument #2 to 'sort' (function expected, got table)", function() table.sort({ 1, 2 }, {}) end)
  local ok, m = pcall(table.sort, { 3, 2, 1 }, function() error("comparator", 0) end)
  assert(not ok and m == "comparator")
  ok, m = pcall(table.sort, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function() return true end)
  assert(ok or m:find("invalid order function for sorting") or m:find("attempt to compare"), tostring(m))
  local objects, mt = {}, { __lt = function(a, b) return a.v < b.v end }
  for i = 1, 20 do objects[i] = setmetatable({ v = (i * 7) % 20 }, mt) end
  table.sort(objects)
  for i = 2, 20 do assert(objects[i - 1].v <= objects[i].v) end
  local t = { 3, 1, 2, n = "kept" }
  table.sort(t)
  assert(t.n == "kept" and select("#", table.sort(t)) == 0)
end

-- Arguments that are not tables.
do
  fails("bad argument #1 to 'concat' (table expected, got number)", function() table.concat(5) end)
  fails("bad argument #1 to 'insert' (table expected, got nil)", function() table.insert(nil, 1) end)
  fails("bad argument #1 to 'remove' (table expected, got string)", function() table.remove("x") end)
  fails("bad argument #1 to 'sort' (table expected, got no value)", function() table.sort() end)
  fails("object length is not an integer", function() table.insert(setmetatable({}, { __len = function() return "x" end }), 1) end)
end

-- Tables with metamethods: `#`, reading and writing go through them.
do
  local log = {}
  local proxy = setmetatable({}, {
    __len = function() return 3 end,
    __index = function(_, k) return "v" .. k end,
    __newindex = function(_, k, v) log[#log + 1] = k .. "=" .. tostring(v) end,
  })
  local function wrote(expected) local text = table.concat(log, " ") assert(text == expected, text) log = {} end
  assert(table.concat(proxy, ",") == "v1,v2,v3" and select("#", table.unpack(proxy)) == 3)
  table.insert(proxy, "x") wrote "4=x"
  table.insert(proxy, 2, "y") wrote "4=v3 3=v2 2=y"
  assert(table.remove(proxy) == "v3") wrote "3=nil"
  assert(table.remove(proxy, 1) == "v1") wrote "1=v2 2=v3 3=nil"
  table.move(proxy, 1, 2, 2) wrote "3=v2 2=v1"
  local function sized(n) return setmetatable({}, { __len = function() return n end }) end
  fails("object length is not an integer", table.unpack, sized(1.5))
  assert(pcall(table.unpack, sized(2.0)))
  fails("bad argument #1 to 'sort' (array too big)", table.sort, sized(math.maxinteger))
end

-- Bounds.
do
  fails("too many results to unpack", table.unpack, {}, 1, 1e8)
  fails("too many results to unpack", table.unpack, {}, math.mininteger, math.maxinteger)
  fails("bad argument #3 to 'move' (too many elements to move)", table.move, {}, -1, math.maxinteger, 2)
  fails("bad argument #1 to 'remove' (position out of bounds)", table.remove, { 1, 2, 3 }, 5)
  fails("bad argument #1 to 'insert' (table expected, got string)", table.insert, "abc", 1)
end

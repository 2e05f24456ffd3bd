-- Implementation limits: where a limit exists it is an error, never a crash.

local function syntax_like(pattern, source)
  local chunk, message = load(source, "=s")
  assert(chunk == nil and message:find(pattern), ("expected %q, got %q"):format(pattern, tostring(message)))
end
local function repeated(s, n, separator) return s:rep(n, separator or "") end

-- 200 local variables per function.
do
  local names = {}
  for i = 1, 200 do names[i] = "l" .. i end
  local f = assert(load("local " .. table.concat(names, ",") .. " l200 = 7 return l200, l1"))
  local last, first = f()
  assert(last == 7 and first == nil, "200 locals are fine")
  names[201] = "l201"
  syntax_like("^s:1: too many local variables %(limit is 200%) in main function", "local " .. table.concat(names, ","))
  syntax_like("^s:3: too many local variables %(limit is 200%) in function at line 2",
    "x = 1\nfunction f()\nlocal " .. table.concat(names, ",") .. " end")
end

-- 255 upvalues per function.
do
  local src = {}
  for block = 1, 2 do
    src[#src + 1] = "local function f" .. block .. "() "
    for i = 1, 150 do src[#src + 1] = ("local b%d_%d = 1 "):format(block, i) end
  end
  src[#src + 1] = "return function() return 0 "
  for block = 1, 2 do for i = 1, 150 do src[#src + 1] = ("+ b%d_%d "):format(block, i) end end
  src[#src + 1] = "end end end"
  syntax_like("too many upvalues %(limit is 255%)", table.concat(src))
end

-- Stack overflow is an ordinary, recoverable error.
do
  local depth = 0
  local function f() depth = depth + 1 return 1 + f() end
  for round = 1, 2 do
    depth = 0
    local ok, message = pcall(f)
    assert(not ok and message:find("stack overflow"), tostring(message))
    assert(depth > 1000, "reasonable depth: " .. depth)
  end
  local t = setmetatable({}, {})
  getmetatable(t).__index = function(t, k) return t[k + 1] end
  local ok, message = pcall(function() return t[1] end)
  assert(not ok and message:find("overflow"), "through metamethods: " .. tostring(message))
  getmetatable(t).__concat = function(a, b) return a .. b end
  ok, message = pcall(function() return t .. "x" end)
  assert(not ok and message:find("overflow"), tostring(message))
  local function sorter() table.sort({ 1, 2, 3 }, function(a, b) sorter() return a < b end) end
  ok, message = pcall(sorter)
  assert(not ok and message:find("overflow"), "through sort: " .. tostring(message))
  local function subst() return (("x"):gsub("x", subst)) end
  ok, message = pcall(subst)
  assert(not ok and message:find("overflow"), "through gsub: " .. tostring(message))
  ok, message = pcall(string.rep, "x", -1)
  assert(ok and message == "", "the state is sound afterwards")
end

-- Parser nesting.
do
  local n = 100
  assert(load("return " .. repeated("(", n) .. "1" .. repeated(")", n))() == 1, "moderate parentheses")
  assert(load(repeated("do ", n) .. repeated("end ", n)), "moderate blocks")
  assert(load("return " .. repeated("{", n) .. repeated("}", n))(), "moderate tables")
  assert(load("return " .. repeated("-", n):gsub("%-", "- ") .. "1")() == 1, "moderate unary chains")
  local hundred = load(repeated("return function() ", 60) .. "return 5" .. repeated(" end", 60))
  for _ = 1, 60 do hundred = hundred() end
  assert(hundred() == 5, "nested functions")
  for _, source in ipairs {
    "return " .. repeated("(", 100000) .. "1" .. repeated(")", 100000),
    repeated("do ", 100000) .. repeated("end ", 100000),
    "return " .. repeated("{", 100000) .. repeated("}", 100000),
    "return " .. repeated("not ", 100000) .. "1",
    "return " .. repeated("- ", 100000) .. "1",
    repeated("while true do ", 100000),
    repeated("function f() ", 100000),
    "x = " .. repeated("a.b(", 100000),
    "return " .. repeated("1 ..", 100000) .. "1",
    "return " .. repeated("2^", 100000) .. "1",
    repeated("a,", 100000) .. "a = 1",
    repeated("if x then else ", 100000),
  } do
    local chunk, message = load(source)
    assert(chunk or type(message) == "string", "an answer, not a crash")
  end
  syntax_like("too many", "return " .. repeated("(", 100000) .. "1")
end

-- Long chains that need no nesting.
do
  assert(load("return 0" .. repeated(" + 1", 5000))() == 5000, "left-associative chain")
  assert(load("return true" .. repeated(" and true", 3000))() == true, "and chain")
  assert(load("return false" .. repeated(" or false", 3000) .. " or 3")() == 3, "or chain")
  local deep = {}
  for i = 1, 1000 do deep = { n = deep } end
  assert(load("local d = ... return d" .. repeated(".n", 1000))(deep), "index chain")
  local calls = load("local f f = function() return f end return f" .. repeated("()", 1000))
  assert(type(calls()) == "function", "call chain")
  assert(#load("return '" .. repeated("x", 200000) .. "'")() == 200000, "long string literal")
  assert(load(repeated(";", 10000) .. repeated("\n", 10000) .. "return 1")() == 1, "empty statements and lines")
end

-- Many constants.
do
  local src = { "local t = {" }
  for i = 1, 6000 do src[#src + 1] = ("%d.5, 'k%d',"):format(i, i) end
  src[#src + 1] = "} return t, 'k6000' .. 'tail', 6000.5 + 1"
  local t, s, n = load(table.concat(src))()
  assert(#t == 12000 and t[1] == 1.5 and t[11999] == 6000.5 and t[12000] == "k6000" and s == "k6000tail" and n == 6001.5)
  src = { "local t = {}" }
  for i = 1, 3000 do src[#src + 1] = ("t.f%d = 'v%d'"):format(i, i) end
  src[#src + 1] = "function t.m3001() return 'method' end"
  src[#src + 1] = "local o = t assert(o:m3001() == 'method' and o.f3000 == 'v3000' and o.f1 == 'v1')"
  src[#src + 1] = "if o.f2999 == 'v2999' and o.f2998 ~= 'x2998' then return 1 + #o.f2997 end"
  assert(load(table.concat(src, "\n"))() == 6, "operations on late constants")
  src = { "local g = ... " }
  for i = 1, 300 do src[#src + 1] = ("local function f%d() return %d end g(f%d)"):format(i % 100, i, i % 100):gsub("local function", "do local function") .. " end" end
  local sum = 0
  load(table.concat(src, "\n"))(function(f) sum = sum + f() end)
  assert(sum == 45150, "many nested functions")
end

-- Long jumps: bodies of tens of thousands of instructions.
do
  local body = repeated("x = x + 1 y = x ", 12000)
  local f = load("local n = ... local x, y = 0, 0 for i = 1, n do " .. body .. " end return x, y")
  local x, y = f(2)
  assert(x == 24000 and y == 24000, "loop body")
  f = load("local c = ... local x, y = 0, 0 if c then " .. body .. " else x = -1 end return x")
  assert(f(true) == 12000 and f(false) == -1, "if body")
  f = load("local n = ... local x, y = 0, 0 while x < n do " .. body .. " if x > 40000 then break end end return x")
  assert(f(30000) == 36000, "while body")
  f = load("local x, y = 0, 0 ::top:: " .. body .. " if x < 20000 then goto top end return x")
  assert(f() == 24000, "goto over it")
  f = load("local x, y = 0, 0 for _, v in ipairs{1, 2} do " .. body .. " end return x")
  assert(f() == 24000, "generic for")
  f = load("local x, y = 0, 0 repeat local z = x " .. body .. " until z > 5 return x")
  assert(f() == 24000, "repeat")
end

-- Many arguments, results and elements at once.
do
  local list = {}
  for i = 1, 5000 do list[i] = i end
  local function count(...) return select("#", ...) end
  assert(count(table.unpack(list)) == 5000 and #{ table.unpack(list) } == 5000, "5000 values")
  assert(select(5000, table.unpack(list)) == 5000 and math.max(table.unpack(list)) == 5000, "to library functions")
  local function pass(...) return ... end
  assert(count(pass(table.unpack(list))) == 5000 and #{ 0, pass(table.unpack(list)) } == 5001, "through a vararg function")
  assert(#string.char(table.unpack((function() local t = {} for i = 1, 5000 do t[i] = i % 256 end return t end)())) == 5000)
  assert(select("#", ("x"):rep(3000):byte(1, -1)) == 3000, "many results of byte")
  local ok, message = pcall(table.unpack, {}, 1, 1e8)
  assert(not ok and message == "too many results to unpack", message)
  ok, message = pcall(table.unpack, {}, math.mininteger, math.maxinteger)
  assert(not ok and message == "too many results to unpack", message)
  local args, params = {}, {}
  for i = 1, 200 do args[i], params[i] = i, "p" .. i end
  local f = load("return function(" .. table.concat(params, ",", 1, 180) .. ") return p1 + p180 end")()
  assert(f(table.unpack(args)) == 181, "180 parameters")
  syntax_like("function or expression needs too many registers", "return f(" .. repeated("a", 300, ",") .. ")")
end

-- Memory-hungry requests fail cleanly.
do
  local ok, message = pcall(string.rep, "x", 1 << 62)
  assert(not ok and (message == "resulting string too large" or message == "not enough memory"), message)
  ok, message = pcall(string.rep, ("x"):rep(1000), math.maxinteger // 10)
  assert(not ok and (message == "resulting string too large" or message == "not enough memory"), message)
  ok, message = pcall(string.rep, "", 100000)
  assert(ok and message == "", "nothing repeated is nothing")
  ok, message = pcall(table.concat, {}, "x", 1, 1 << 40)
  assert(not ok and message:find("invalid value %(nil%) at index 1"), message)
end

-- Deep data structures.
do
  local t = {}
  for _ = 1, 100000 do t = { t } end
  local n = 0
  while t[1] do t = t[1] n = n + 1 end
  assert(n == 100000)
end

-- A message about the end of a long chain of fields.
do
  local t = setmetatable({}, { __index = function(t) return t end })
  local _, message = pcall(load("local t = ... return t" .. (".b"):rep(20000) .. " + 1"), t)
  assert(message:find("attempt to perform arithmetic on a table value (field 'b')", 1, true), message)
end

-- Manual §6.4.1: patterns.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
local function is(subject, pattern, expected)
  local got = table.pack(subject:match(pattern))
  for i = 1, got.n do got[i] = tostring(got[i]) end
  local text = table.concat(got, ",")
  assert(text == expected, ("%q against %q: expected %q, got %q"):format(subject, pattern, expected, text))
end

-- Character classes and their complements agree with a definition by ranges.
do
  local function within(...)
    local ranges = { ... }
    return function(b)
      for i = 1, #ranges, 2 do if b >= ranges[i] and b <= ranges[i + 1] then return true end end
      return false
    end
  end
  local classes = {
    a = within(65, 90, 97, 122), d = within(48, 57), l = within(97, 122), u = within(65, 90), w = within(48, 57, 65, 90, 97, 122),
    x = within(48, 57, 65, 70, 97, 102), s = within(9, 13, 32, 32), c = within(0, 31, 127, 127), g = within(33, 126),
    p = within(33, 47, 58, 64, 91, 96, 123, 126),
  }
  for class, contains in pairs(classes) do
    for b = 0, 127 do
      local c = string.char(b)
      local inside = contains(b)
      assert((c:find("%" .. class) ~= nil) == inside, "%" .. class .. " and byte " .. b)
      assert((c:find("%" .. class:upper()) ~= nil) == not inside, "%" .. class:upper() .. " and byte " .. b)
      assert((c:find("[%" .. class .. "]") ~= nil) == inside and (c:find("[^%" .. class .. "]") ~= nil) == not inside)
    end
  end
  for b = 0, 255 do assert(string.char(b):find("^.$"), ". matches byte " .. b) end
end

-- Escapes and literal characters.
do
  for c in ("^$()%.[]*+-?"):gmatch(".") do is("x" .. c .. "y", "%" .. c, c) end
  is("a%b", "%%", "%") is("a]b", "]", "]") is("a-b", "a%-b", "a-b") is("f(x)", "%((.)%)", "x") is("a.b", "a.b", "a.b") is("a\0b", "%z", "\0") is("a\0b", "a\0b", "a\0b")
end

-- Sets.
do
  is("hello", "[aeiou]", "e") is("hello", "[^h]+", "ello") is("a-z", "[a%-z]+", "a-z") is("]", "[]]", "]") is("x]", "[^]]", "x") is("^", "[%^]", "^") is("a^", "[a^]+", "a^")
  is("b", "[a-c]", "b") is("-", "[a-]", "-") is("-", "[-a]", "-") is("x9_", "[%w_]+", "x9_") is("\255\128", "[\128-\255]+", "\255\128") is("]-^", "[]%-^]+", "]-^") is("abc", "[c-a]", "nil")
end

-- Repetitions: greedy, lazy, optional; backtracking.
do
  is("aaa", "a*", "aaa") is("aaa", "a-", "") is("aaab", "a-b", "aaab") is("aaa", "a+", "aaa") is("", "a*", "") is("", "a+", "nil") is("b", "a?b", "b") is("ab", "a?b", "ab") is("aab", "^a?b", "nil")
  is("<<x>>", "<(.*)>", "<x>") is("<a><b>", "<(.-)>", "a") is("aaa", "^(a-)(a*)$", ",aaa") is("aaa", "^(a*)(a-)$", "aaa,") is("aXb", "%a%u?%a", "aXb") is("abcabd", "ab.*d", "abcabd")
  is("a  b", "%s*", "") is("key=val", "(.-)=(.*)", "key,val") is("xxabxx", "x*(.-)x*$", "ab") is(("a"):rep(1000) .. "b", "a*b$", ("a"):rep(1000) .. "b") is("0x1F", "^0[xX](%x+)$", "1F")
end

-- Anchors.
do
  is("abc", "^abc$", "abc") is("abc", "^bc", "nil") is("abc", "ab$", "nil") is("a^b", "a^b", "a^b") is("a$b", "a$b", "a$b") is("", "^$", "") is("$", "%$$", "$") is("$", "^$$", "$")
end

-- Captures: nesting, positions, back references.
do
  is("abc", "((a)(b)c)", "abc,a,b") is("abc", "()b()", "2,3") is("abc", "(a(b(c)))", "abc,bc,c") is("abc", "()", "1") is("aa", "(a)%1", "a") is("ab", "(a)%1", "nil")
  is([[say "hi 'x'" now]], [[(["'])(.-)%1]], [[",hi 'x']]) is("abab", "^(ab)%1$", "ab") is("xyzxyz", "(x(y)z)%1", "xyz,y") is("", "()()", "1,1") is("=a=", "(=)a%1", "=")
  local captures = {}
  for i = 1, 32 do captures[i] = "(.)" end
  assert(select("#", ("x"):rep(32):match(table.concat(captures))) == 32, "32 captures")
  captures[33] = "(.)"
  fails("too many captures", string.match, ("x"):rep(33), table.concat(captures))
end

-- %b and %f.
do
  is("f(a(b)c)d", "%b()", "(a(b)c)") is("((x)", "%b()", "(x)") is("(((", "%b()", "nil") is("[[x]]", "%b[]", "[[x]]") is("xabcx", "%bxx", "xabcx") is("{a{b}}c", "^%b{}", "{a{b}}")
  is("THE (quick) fox", "%f[%a]%a+", "THE") is("THE (quick) fox", "%f[%l]%l+", "quick") is("foo.bar", "%f[%w]%w+$", "bar") is("ab", "%f[%z]", "") is("x", "()%f[%z]", "2") is("hello", "%f[h]h", "h")
  local words = {}
  for w in ("one, two;three"):gmatch("%f[%w]%w+%f[%W]") do words[#words + 1] = w end
  assert(table.concat(words, " ") == "one two three")
  assert(("aXXb"):gsub("%f[X]", "|") == "a|XXb")
end

-- Malformed patterns.
do
  fails("malformed pattern (ends with '%')", string.find, "a", "%")
  fails("malformed pattern (missing ']')", string.find, "a", "[a")
  fails("malformed pattern (missing ']')", string.find, "a", "[]")
  fails("malformed pattern (missing ']')", string.find, "a", "[^]")
  fails("malformed pattern (missing ']')", string.find, "a", "[a%]")
  fails("malformed pattern (missing ']')", string.find, "a", "[a%")
  fails("unfinished capture", string.find, "a", "(a")
  fails("invalid pattern capture", string.match, "a", "a)")
  fails("invalid capture index %1", string.find, "a", "%1")
  fails("invalid capture index %1", string.find, "a", "(%1)")
  fails("malformed pattern (missing arguments to '%b')", string.find, "a", "%b")
  fails("malformed pattern (missing arguments to '%b')", string.find, "a", "%bx")
  fails("missing '[' after '%f' in pattern", string.find, "a", "%fa")
  fails("pattern too complex", string.match, ("x"):rep(300000), ("x?"):rep(300000))
end

-- Long subjects and pathological but finite backtracking.
do
  local long = ("a"):rep(20000)
  assert(long:find("^a*$") == 1 and long:find("^.-b") == nil)
  assert(#long:match(".*") == 20000 and (long .. "b"):match("^(.-)b$") == long and long:gsub("a", "b") == ("b"):rep(20000))
  assert(("a"):rep(20):find(("a?"):rep(20) .. ("a"):rep(20)) == 1)
end

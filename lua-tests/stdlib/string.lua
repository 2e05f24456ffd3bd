-- Manual §6.4: string manipulation. Patterns proper are in patterns.lua.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- byte, char, sub.
do
  assert(("abc"):byte() == 97 and ("abc"):byte(2) == 98 and ("abc"):byte(-1) == 99 and select("#", ("abc"):byte(1, -1)) == 3)
  assert(select("#", ("abc"):byte(4)) == 0 and select("#", ("abc"):byte(3, 2)) == 0 and select("#", (""):byte()) == 0)
  assert(select("#", ("abc"):byte(0)) == 0 and select("#", ("abc"):byte(-10, 10)) == 3 and ("\0\255"):byte(2) == 255)
  assert(string.char() == "" and string.char(104, 105) == "hi" and string.char(0, 255) == "\0\255")
  fails("bad argument #2 to 'char' (value out of range)", string.char, 1, -1)
  local s = "hello"
  for _, c in ipairs { { 1, 5, "hello" }, { 2, 3, "el" }, { -3, -2, "ll" }, { 0, 2, "he" }, { 2, 100, "ello" }, { 4, 2, "" }, { 6, 9, "" },
    { -100, 1, "h" }, { -100, 100, "hello" }, { 3, -3, "l" }, { -1, -1, "o" }, { math.mininteger, math.maxinteger, "hello" }, { 1, 0, "" } } do
    assert(s:sub(c[1], c[2]) == c[3], "sub " .. c[1] .. "," .. c[2])
  end
  assert(s:sub(3) == "llo" and s:sub(-2) == "lo" and (""):sub(1) == "" and s:sub("2", 3.0) == "el")
end

-- len, lower, upper, reverse, rep.
do
  assert(("a\0b"):len() == 3 and ("AbC1é"):lower() == "abc1é" and ("AbC1é"):upper() == "ABC1é" and ("abc"):reverse() == "cba" and (""):reverse() == "")
  assert(("ab"):rep(3) == "ababab" and ("ab"):rep(3, ",") == "ab,ab,ab" and ("ab"):rep(1, ",") == "ab" and ("ab"):rep(0) == "" and ("ab"):rep(-1, "x") == "")
  assert((""):rep(100) == "" and (""):rep(3, ",") == ",," and #("x"):rep(100000) == 100000)
  fails("resulting string too large", string.rep, "ab", math.maxinteger)
  assert(string.len(123) == 3 and string.rep(7, 2) == "77" and string.upper(1.5) == "1.5", "numbers are accepted as strings")
end

-- find: plain, init, captures, empty patterns.
do
  local function is(expected, ...)
    local got = table.pack(...)
    for i = 1, got.n do got[i] = tostring(got[i]) end
    assert(table.concat(got, ",") == expected, "expected " .. expected .. ", got " .. table.concat(got, ","))
  end
  is("2,3", ("hello"):find("el")) is("nil", ("hello"):find("xyz")) is("3,3", ("hello"):find("l")) is("4,4", ("hello"):find("l", 4))
  is("1,0", ("hello"):find("")) is("6,5", ("hello"):find("", 6)) is("nil", ("hello"):find("", 7)) is("1,0", (""):find("")) is("nil", (""):find("", 2))
  is("5,5", ("hello"):find("o", -1)) is("nil", ("hello"):find("h", -4)) is("1,1", ("hello"):find("h", -100)) is("3,3", ("a.b.c"):find("b", 1, true))
  is("2,2", ("a.b"):find(".", 1, true)) is("2,2", ("a.b"):find("%.")) is("2,4", ("a+b+c"):find("+b+", 1, true)) is("1,5,l,o", ("hello"):find("he(l)l(o)"))
  is("3,4,3,ll", ("hello"):find("()(ll)")) is("2,2", ("a\0b"):find("\0")) is("3,4", ("a\0bc"):find("bc", 1, true)) is("nil", ("abc"):find("b", 10))
  is("1,3", ("abc"):find("^abc$")) is("nil", ("xabc"):find("^abc")) is("2,4", ("xabc"):find("^abc", 2)) is("1,1", ("^a"):find("^", 1, true))
  is("5000,5003", (("x"):rep(4999) .. "need"):find("need", 1, true)) is("nil", ("aaaaab"):rep(100):find("aaaaac", 1, true))
end

-- match, gmatch.
do
  assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key" and select(2, ("key = value"):match("^(%w+)%s*=%s*(%w+)$")) == "value")
  assert(("abc"):match("b") == "b" and ("abc"):match("x") == nil and ("abc"):match("()b()") == 2 and ("abc123"):match("%d+", 5) == "23")
  assert(("  trim  "):match("^%s*(.-)%s*$") == "trim" and ("2024-01-15"):match("(%d+)-(%d+)-(%d+)") == "2024" and (""):match("") == "" and ("x"):match(".", -1) == "x")
  local t = {}
  for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t[#t + 1] = k .. v end
  assert(table.concat(t, ";") == "a1;b2")
  t = {}
  for p in ("abc"):gmatch("()") do t[#t + 1] = p end
  assert(table.concat(t) == "1234")
  t = {}
  for w in ("abc"):gmatch("") do t[#t + 1] = "[" .. w .. "]" end
  assert(table.concat(t) == "[][][][]")
  t = {}
  for m in ("hello"):gmatch("l*") do t[#t + 1] = "[" .. m .. "]" end
  assert(#t >= 4)
  local count = 0
  for _ in ("aXbXc"):gmatch("^a") do count = count + 1 end
  assert(count == 0, "in gmatch ^ matches itself literally")
  local it = ("ab"):gmatch(".")
  assert(it() == "a" and it() == "b" and it() == nil)
end

-- gsub: string, table, function replacements; limits; empty matches; results.
do
  local function is(expected, n, ...) local s, c = string.gsub(...) assert(s == expected and c == n, ("got %q, %d"):format(s, c)) end
  is("hexxo", 2, "hello", "l", "x") is("hexlo", 1, "hello", "l", "x", 1) is("hello", 0, "hello", "l", "x", 0) is("hello", 0, "hello", "z", "x") is("hello", 0, "hello", "l", "x", -1)
  is("-h-e-l-l-o-", 6, "hello", "", "-") is("abc", 0, "abc", "^b", "x") is("xbc", 1, "abc", "^a", "x") is("b", 1, "ab", "^a", "") is("", 3, "abc", ".", "")
  is("hello hello world world", 2, "hello world", "%w+", "%0 %0") is("world hello", 1, "hello world", "(%w+) (%w+)", "%2 %1") is("<h>ello", 1, "hello", "(h)", "<%1>")
  is("100%", 1, "100x", "x", "%%") is("home = /h", 1, "home = $HOME", "%$(%w+)", { HOME = "/h" }) is("$NONE", 1, "$NONE", "%$(%w+)", {})
  is("a1b2", 2, "ab", "%w", function(c) return c .. (c == "a" and 1 or 2) end) is("abc", 3, "abc", "%w", function() end) is("abc", 3, "abc", "%w", function() return false end)
  is("4 5", 2, "2 3", "%d", function(d) return d + 2 | 0 end) is("1.5", 1, "x", "x", function() return 1.5 end) is("x y", 2, "a b", "%a", { a = "x", b = "y" })
  is("[a]1[b]3", 2, "a1b3", "(%a)", "[%1]") is("..", 2, "ab", ".", ".") is("\0x\0", 1, "\0a\0", "a", "x") is("12", 1, "k", "()k()", function(a, b) return a .. b end)
  is("f(x) = x^2", 1, "f(x) = sq(x)", "sq(%b())", function(a) return a:sub(2, -2) .. "^2" end) is("x-x-", 2, "a-b-", "%a", "x") is("aaa", 3, "abc", "[abc]", { a = "a", b = "a", c = "a" })
  fails("invalid use of '%' in replacement string", string.gsub, "x", "x", "%")
  fails("invalid use of '%' in replacement string", string.gsub, "x", "x", "%a")
  fails("invalid capture index %2", string.gsub, "x", "x", "%2")
  fails("invalid replacement value (a table)", string.gsub, "x", "x", function() return {} end)
  fails("invalid replacement value (a boolean)", string.gsub, "x", "x", { x = true })
  fails("bad argument #3 to 'gsub' (string/function/table expected)", string.gsub, "x", "x", nil)
  fails("bad argument #3 to 'gsub' (string/function/table expected)", string.gsub, "x", "x")
  local indexed = setmetatable({}, { __index = function(_, k) return k:upper() end })
  is("ABC", 3, "abc", ".", indexed)
  local ok, m = pcall(string.gsub, "abc", ".", function(c) if c == "b" then error("stop", 0) end end)
  assert(not ok and m == "stop", "errors in callbacks propagate")
  local nested = ("a b"):gsub("%a", function(c) return (c .. c):gsub(c, "<%0>") end)
  assert(nested == "<a><a> <b><b>", nested)
end

-- format: every directive, flags, width, precision.
do
  local function is(expected, ...) local s = string.format(...) assert(s == expected, ("expected %q, got %q"):format(expected, s)) end
  is("%", "%%") is("5 -5 5", "%d %i %d", 5, -5, 5.0) is("   42|42   |00042|+42| 42", "%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42) is("003", "%.3d", 3) is("  003", "%5.3d", 3)
  is("ff FF 0xff 377 0377 18446744073709551615", "%x %X %#x %o %#o %u", 255, 255, 255, 255, 255, -1) is("ffffffffffffffff", "%x", -1) is("-9223372036854775808", "%d", math.mininteger)
  is("A b", "%c %c", 65, 98) is("1.500000 1.50 2 1.", "%f %.2f %.0f %#.0f", 1.5, 1.5, 1.5, 1.0) is("1.500000e+00 1.5E+10 1e-05", "%e %.1E %g", 1.5, 1.5e10, 1e-5)
  is("1.5 100000 1e+06 0.0001 1.00000", "%g %g %g %g %#g", 1.5, 1e5, 1e6, 1e-4, 1.0) is("0x1p+0 0X1.8P+1 0x1.8p+0", "%a %A %.1a", 1, 3, 1.5) is("inf -inf +inf INF", "%f %g %+f %G", math.huge, -math.huge, math.huge, math.huge)
  is("-0.0 0.1 1e+15", "%.1f %.14g %.14g", -0.0, 0.1, 1e15) is("  1.50|1.50  |001.50", "%6.2f|%-6.2f|%06.2f", 1.5, 1.5, 1.5) is("3.14159265358979311600", "%.20f", math.pi)
  is("hello|     hello|hello     |hel|       hel", "%s|%10s|%-10s|%.3s|%10.3s", "hello", "hello", "hello", "hello", "hello") is("nil true 1 1.5", "%s %s %s %s", nil, true, 1, 1.5) is("1.0", "%s", 1.0)
  is('"a\\\nb\\"c\\\\d\\0e\\13\\0011"', "%q", 'a\nb"c\\d\0e\r\0011') is('"\\127\200"', "%q", "\127\200") is("1 0x1.8p+0 true nil", "%q %q %q %q", 1, 1.5, true, nil)
end

-- format: conversions and errors.
do
  local named = setmetatable({}, { __tostring = function() return "named" end })
  assert(("%s|%8s"):format(named, named) == "named|   named" and ("%d"):format("10") == "10" and ("%s"):format(10) == "10")
  assert(("%5s|%-5s|"):format("é", "ab") == "   é|ab   |", "widths count bytes")
  assert(#("%s"):format(("x"):rep(1000)) == 1000 and ("%99d"):format(1):len() == 99 and ("%s"):format("a\0b") == "a\0b")
  for _, x in ipairs { 0.1, 1e300, -5e-324, 123456789.123, 2^53, math.pi } do assert(tonumber(("%.17g"):format(x)) == x and tonumber(("%a"):format(x)) == x) end
  for _, v in ipairs { 1, -1, math.mininteger, 0.1, 1e100, "s\n\0\"", true, false } do
    local back = load("return " .. ("%q"):format(v))()
    assert(back == v and math.type(back) == math.type(v), "%q reads back")
  end
  fails("bad argument #2 to 'format' (number has no integer representation)", string.format, "%d", 1.5)
  fails("bad argument #2 to 'format' (number expected, got string)", string.format, "%d", "x")
  fails("bad argument #2 to 'format' (no value)", string.format, "%d")
  fails("bad argument #2 to 'format' (no value)", string.format, "%s")
  fails("invalid option '%y' to 'format'", string.format, "%y", 1)
  fails("invalid format (width or precision too long)", string.format, "%100d", 1)
  fails("invalid format (repeated flags)", string.format, "%------d", 1)
  fails("bad argument #2 to 'format' (value has no literal form)", string.format, "%q", {})
end

-- pack, unpack, packsize: the formats in both byte orders, alignment, strings, errors.
do
  local pack, unpack, size = string.pack, string.unpack, string.packsize
  assert(pack("<i4", 1) == "\1\0\0\0" and pack(">i4", 1) == "\0\0\0\1" and pack("<i2", -2) == "\254\255" and pack(">I3", 0x010203) == "\1\2\3")
  assert(pack("b", -1) == "\255" and pack("B", 255) == "\255" and unpack("b", "\255") == -1 and unpack("B", "\255") == 255)
  assert(size("b") == 1 and size("h") == 2 and size("i") == 4 and size("l") == 8 and size("j") == 8 and size("T") == 8 and size("f") == 4 and size("d") == 8 and size("n") == 8)
  for _, e in ipairs { "<", ">", "=" } do
    for n = 1, 16 do
      local s = pack(e .. "i" .. n, -3)
      assert(#s == n and unpack(e .. "i" .. n, s) == -3, "width " .. n)
      s = pack(e .. "I" .. n, 200)
      assert(#s == n and unpack(e .. "I" .. n, s) == 200)
    end
    for _, x in ipairs { 0.0, 1.5, -2.25, math.huge, 1e300 } do assert(unpack(e .. "d", pack(e .. "d", x)) == x and unpack(e .. "n", pack(e .. "n", x)) == x) end
    assert(unpack(e .. "f", pack(e .. "f", 1.5)) == 1.5)
    assert(unpack(e .. "j", pack(e .. "j", math.mininteger)) == math.mininteger and unpack(e .. "J", pack(e .. "J", -1)) == -1)
  end
  assert(pack("<d", 1) == "\0\0\0\0\0\0\240\63" and pack(">f", -2) == "\192\0\0\0")
  assert(pack("z", "hi") == "hi\0" and pack("s1", "hi") == "\2hi" and pack("<s2", "hi") == "\2\0hi" and pack("<s", "x") == "\1\0\0\0\0\0\0\0x")
  assert(pack("c5", "hi") == "hi\0\0\0" and unpack("c2", "hi") == "hi" and pack("x") == "\0" and pack("bxb", 1, 2) == "\1\0\2")
  local a, b, c, pos = unpack("<i2 z s1", pack("<i2 z s1", 7, "zero", "len"))
  assert(a == 7 and b == "zero" and c == "len" and pos == 12)
  assert(pack("<!4 b i4", 1, 2) == "\1\0\0\0\2\0\0\0" and pack("<!2 b i4", 1, 2) == "\1\0\2\0\0\0" and pack("<b i4", 1, 2) == "\1\2\0\0\0")
  assert(pack("<!4 b Xi4 b", 1, 2) == "\1\0\0\0\2" and size("!8 b d") == 16 and size("<!4 i2 i4 i2") == 10)
  assert(unpack("b", "\1\2\3", 2) == 2 and unpack("b", "\1\2\3", -1) == 3 and select("#", unpack("", "abc")) == 1 and unpack("", "abc") == 1)
  fails("bad argument #2 to 'unpack' (data string too short)", unpack, "i4", "abc")
  fails("bad argument #2 to 'pack' (integer overflow)", pack, "b", 128)
  fails("bad argument #2 to 'pack' (unsigned overflow)", pack, "B", 256)
  fails("bad argument #2 to 'pack' (string longer than given size)", pack, "c1", "ab")
  fails("bad argument #2 to 'pack' (string contains zeros)", pack, "z", "a\0b")
  fails("bad argument #2 to 'pack' (string length does not fit in given size)", pack, "s1", ("x"):rep(256))
  fails("integral size (17) out of limits [1,16]", pack, "i17", 1)
  fails("integral size (0) out of limits [1,16]", pack, "i0", 1)
  fails("invalid format option 'y'", pack, "y", 1)
  fails("missing size for format option 'c'", pack, "c", "x")
  fails("bad argument #1 to 'packsize' (variable-length format)", size, "s")
  fails("bad argument #1 to 'packsize' (variable-length format)", size, "z")
  fails("bad argument #3 to 'unpack' (initial position out of string)", unpack, "b", "abc", 5)
  fails("bad argument #1 to 'pack' (format asks for alignment not power of 2)", pack, "!4 i3", 1)
  fails("16-byte integer does not fit into Lua Integer", unpack, "<I16", ("\255"):rep(16))
end

-- Methods and wrong arguments.
do
  assert(("%d"):format(5) == "5" and ("x"):rep(2):len() == 2 and #("abc"):sub(2) == 2)
  fails("bad argument #1 to 'upper' (string expected, got nil)", string.upper, nil)
  fails("bad argument #1 to 'len' (string expected, got table)", string.len, {})
  fails("bad argument #2 to 'sub' (number expected, got no value)", string.sub, "x")
end

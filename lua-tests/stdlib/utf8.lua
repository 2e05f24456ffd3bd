-- Manual §6.5: UTF-8.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
local points = { 0, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0x20AC, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF }

-- char and codepoint are inverse.
do
  for _, c in ipairs(points) do
    local s = utf8.char(c)
    assert(utf8.codepoint(s) == c and utf8.len(s) == 1, ("U+%X"):format(c))
    assert(#s == (c < 0x80 and 1 or c < 0x800 and 2 or c < 0x10000 and 3 or 4), ("length of U+%X"):format(c))
    assert(s:match("^" .. utf8.charpattern .. "$") == s)
  end
  local all = utf8.char(table.unpack(points))
  local back = { utf8.codepoint(all, 1, -1) }
  assert(#back == #points and utf8.len(all) == #points)
  for i, c in ipairs(points) do assert(back[i] == c) end
  assert(utf8.char() == "" and utf8.char(72, 228) == "Hä" and utf8.charpattern == "[\0-\x7F\xC2-\xF4][\x80-\xBF]*")
  fails("bad argument #1 to 'char' (value out of range)", utf8.char, -1)
  fails("bad argument #2 to 'char' (value out of range)", utf8.char, 1, 1 << 31)
end

-- len: ranges and invalid bytes.
do
  local s = "aé€😀"
  assert(utf8.len(s) == 4 and utf8.len("") == 0 and utf8.len(s, 2) == 3 and utf8.len(s, 1, 1) == 1 and utf8.len(s, -4) == 1 and utf8.len(s, #s + 1) == 0)
  for _, bad in ipairs { { "\x80", 1 }, { "a\xFF", 2 }, { "\xC3", 1 }, { "\xE2\x82", 1 }, { "ab\xF0\x9F\x98", 3 }, { "\xC0\x80", 1 }, { "\xE0\x80\x80", 1 },
    { "\xF4\x90\x80\x80", 1 }, { "x\xC3x", 2 }, { "\xF8\x80\x80\x80\x80", 1 } } do
    local n, position = utf8.len(bad[1])
    assert(n == nil and position == bad[2], ("invalid %q: %s %s"):format(bad[1], n, position))
  end
  local n, position = utf8.len(s, 3)
  assert(n == nil and position == 3, "starting inside a character")
  fails("bad argument #2 to 'len' (initial position out of string)", utf8.len, "abc", 0)
  fails("bad argument #2 to 'len' (initial position out of string)", utf8.len, "abc", 5)
  fails("bad argument #3 to 'len' (final position out of string)", utf8.len, "abc", 1, 4)
end

-- codepoint.
do
  local s = "aé€"
  assert(utf8.codepoint(s) == 97 and utf8.codepoint(s, 2) == 0xE9 and select("#", utf8.codepoint(s, 1, -1)) == 3 and select("#", utf8.codepoint(s, 3, 2)) == 0)
  fails("invalid UTF-8 code", utf8.codepoint, s, 3)
  fails("bad argument #3 to 'codepoint' (out of range)", utf8.codepoint, s, 100)
  fails("bad argument #3 to 'codepoint' (out of range)", utf8.codepoint, s, 1, 100)
end

-- offset.
do
  local s = "aé€😀b"
  assert(utf8.offset(s, 1) == 1 and utf8.offset(s, 2) == 2 and utf8.offset(s, 3) == 4 and utf8.offset(s, 4) == 7 and utf8.offset(s, 5) == 11 and utf8.offset(s, 6) == 12)
  assert(utf8.offset(s, 7) == nil and utf8.offset(s, -1) == 11 and utf8.offset(s, -2) == 7 and utf8.offset(s, -5) == 1 and utf8.offset(s, -6) == nil)
  assert(utf8.offset(s, 0, 5) == 4 and utf8.offset(s, 0, 4) == 4 and utf8.offset(s, 0) == 1 and utf8.offset(s, 2, 4) == 7 and utf8.offset(s, -1, 4) == 2 and utf8.offset("", 1) == 1)
  fails("initial position is a continuation byte", utf8.offset, s, 1, 3)
  fails("bad argument #3 to 'offset' (position out of range)", utf8.offset, s, 1, 100)
end

-- codes.
do
  local t = {}
  for p, c in utf8.codes("aé€😀") do t[#t + 1] = p .. ":" .. c end
  assert(table.concat(t, " ") == "1:97 2:233 4:8364 7:128512", table.concat(t, " "))
  for _ in utf8.codes("") do error "empty" end
  fails("invalid UTF-8 code", function() for _ in utf8.codes("a\xFF") do end end)
  fails("invalid UTF-8 code", function() for _ in utf8.codes("\xE2\x82") do end end)
  local n = 0
  for _ in ("aé€😀"):gmatch(utf8.charpattern) do n = n + 1 end
  assert(n == 4)
end

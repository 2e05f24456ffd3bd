-- Manual §3.1: lexical conventions.

local function value(source) return assert(load("return " .. source, "=s"))() end
local function syntax(expected, source)
  local chunk, message = load(source, "=s")
  assert(chunk == nil and message == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end

-- Names: letters, digits, underscores; case matters; keywords are reserved.
do
  local _, _a, A, a, a1_B = 0, 1, 2, 3, 4
  assert(_ == 0 and _a == 1 and A == 2 and a == 3 and a1_B == 4, "names")
  local And, END = 1, 2
  assert(And + END == 3, "keywords are lower case only")
  for keyword in ([[and break do else elseif end false for function goto if in local nil not or repeat return then
                    true until while]]):gmatch("%a+") do
    assert(not load("local " .. keyword .. " = 1"), keyword .. " is reserved")
    local t = load("return {['" .. keyword .. "'] = 1}")()
    assert(t[keyword] == 1, keyword .. " may be a string key")
  end
  local long = ("n"):rep(300)
  assert(load("local " .. long .. " = 5 return " .. long)() == 5, "long names")
end

-- Escapes in short strings.
do
  assert("\a\b\f\n\r\t\v" == "\7\8\12\10\13\9\11", "control escapes")
  assert("\\" == '\92' and "\"" == '"' and '\'' == "'", "quoting escapes")
  assert("\65\066\0067" == "AB\0067" and #"\0067" == 2 and "\6\0" == "\x06\x00", "decimal escapes take up to three digits")
  assert("\x41\x6a\x6A\xfF" == "Ajj\255", "hexadecimal escapes take exactly two digits")
  assert("a\
b" == "a\nb", "an escaped line break is a newline")
  assert(value('"x\\\r\ny"') == "x\ny" and value('"x\\\n\ry"') == "x\ny" and value('"x\\\ry"') == "x\ny", "of any style")
  assert("a\z
          b\z   c" == "abc" and "\z" == "" and "x\z

          y" == "xy", "\\z skips white space")
  assert("\u{41}\u{7A}" == "Az" and "\u{0}" == "\0", "code points below 128")
  assert("\u{7FF}" == "\xDF\xBF" and "\u{800}" == "\xE0\xA0\x80" and "\u{FFFF}" == "\xEF\xBF\xBF", "two and three bytes")
  assert("\u{10000}" == "\xF0\x90\x80\x80" and "\u{10FFFF}" == "\xF4\x8F\xBF\xBF", "four bytes")
  assert("\u{D800}" == "\xED\xA0\x80", "surrogates are encoded as they are")
  assert("\u{000041}" == "A" and "\u{20ac}" == "€", "leading zeros and lower case")
  assert('single "double"' == "single \"double\"" and "it's" == 'it\'s', "the other quote needs no escape")
end

-- Bad strings.
do
  syntax([[s:1: invalid escape sequence near '"a\q']], [[x = "a\q"]])
  syntax([[s:1: decimal escape too large near '"\256"']], [[x = "\256"]])
  syntax([[s:1: decimal escape too large near '"\999"']], [[x = "\999"]])
  syntax([[s:1: hexadecimal digit expected near '"\xG']], [[x = "\xG0"]])
  syntax([[s:1: hexadecimal digit expected near '"\x1"']], [[x = "\x1"]])
  syntax([[s:1: missing '{' near '"\u4']], [[x = "\u41"]])
  syntax([[s:1: missing '}' near '"\u{41"']], [[x = "\u{41"]])
  syntax([[s:1: hexadecimal digit expected near '"\u{}']], [[x = "\u{}"]])
  syntax([[s:1: UTF-8 value too large near '"\u{110000']], [[x = "\u{110000}"]])
  syntax([[s:1: unfinished string near <eof>]], [[x = "abc]])
  syntax([[s:1: unfinished string near '"abc']], "x = \"abc\n\"")
  syntax([[s:1: unfinished string near <eof>]], [[x = 'abc"]])
  syntax([[s:1: unfinished string near ''abc"']], "x = 'abc\"\n'")
  syntax([[s:1: unfinished string near <eof>]], [[x = "abc\]])
  syntax([[s:3: unfinished string near '"c']], "x = 1\ny = 2\nz = \"c\n")
end

-- Long brackets.
do
  assert([[plain]] == "plain" and [==[a]]b]=]c]==] == "a]]b]=]c", "levels")
  assert([[
first newline skipped]] == "first newline skipped", "a first line break is dropped")
  assert([[

x]] == "\nx", "but only one")
  assert([[\n\65]] == "\\n\\65", "no escapes inside")
  assert(value("[[a\r\nb\n\rc\rd\ne]]") == "a\nb\nc\nd\ne", "line breaks are normalised")
  assert(value("[=[\r\n]]]=]") == "]]", "closing bracket of another level")
  assert(value("[==[]==]") == "" and value("[[]]") == "" and value("[[ ] ]]") == " ] ", "empty and bracket contents")
  assert(value("{[ [[k]] ]=1}").k == 1, "a long string as key")
  syntax("s:1: unfinished long string (starting at line 1) near <eof>", "x = [[abc")
  syntax("s:3: unfinished long string (starting at line 2) near <eof>", "\nx = [=[abc\n]]")
  syntax("s:1: invalid long string delimiter near '[='", "x = [=abc")
end

-- Comments.
do
  local x = 1 -- to the end of line
  --[[ block ]] x = x + 1 --[==[ other
  lines ]] ]==] x = x + 1
  --[ not a long comment
  x = x + 1
  ---[[ nor this
  x = x + 1
  --]]
  assert(x == 5, "comments")
  assert(load("--")() == nil and load("--[[]]")() == nil and load("-- x\n--[[\n]]return 3")() == 3, "chunks of comments")
  assert(load("return 1--[[c]]+--[[d]]1")() == 2, "comments are white space")
  syntax("s:2: unfinished long comment (starting at line 1) near <eof>", "--[[ never\nclosed")
  assert(load("# first line\nreturn 7") == nil, "load does not skip a first line with #")
end

-- Numerals.
do
  assert(value("3") == 3 and value("345") == 345 and value("0xff") == 255 and value("0xBEBADA") == 0xBEBADA, "integers")
  assert(math.type(value("3")) == "integer" and math.type(value("3.")) == "float", "a point makes a float")
  assert(value("3.0") == 3.0 and value(".5") == 0.5 and value("5.") == 5.0 and value("3.1416") == 3.1416, "fractions")
  assert(value("314.16e-2") == 3.1416 and value("0.31416E1") == 3.1416 and value("34e1") == 340.0, "exponents")
  assert(math.type(value("34e1")) == "float" and value("1e+2") == 100.0 and value("1E-2") == 0.01, "are floats")
  assert(value("0x0.1E") == 0x1E / 256 and value("0xA23p-4") == 0xA23 / 16 and value("0X1.921FB54442D18P+1") == math.pi, "hex floats")
  assert(value("0x.8") == 0.5 and value("0x8.") == 8.0 and value("0x1p4") == 16.0, "forms of hex floats")
  assert(math.type(value("0x1p4")) == "float" and math.type(value("0x10")) == "integer", "their subtypes")
  assert(value("9223372036854775807") == math.maxinteger and math.type(value("9223372036854775807")) == "integer", "largest")
  assert(value("9223372036854775808") == 2^63 and math.type(value("9223372036854775808")) == "float", "decimal overflow is a float")
  assert(value("0xffffffffffffffff") == -1 and value("0x7fffffffffffffff") == math.maxinteger, "hexadecimal wraps")
  assert(value("0x1ffffffffffffffff") == -1 and value("0xabcdef0123456789abcdef") == 0x456789abcdef | 0xef0123 << 48, "around modulo 2^64")
  assert(value("-9223372036854775808") == math.mininteger and math.type(value("-9223372036854775808")) == "float", "minus is an operator")
  assert(value("1e308") * 10 == math.huge and value("1e400") == math.huge and value("1e-400") == 0.0, "range")
  assert(value("0x1p-1074") == 4.9406564584124654e-324 and value("2.2250738585072014e-308") == 0x1p-1022, "small numbers")
  assert(value("0.1") + value("0.2") ~= 0.3 and value("123456789012345680") == 123456789012345680, "exact decimal conversion")
  assert(value("1 ..2") == "12" and value("0xep1") == 28.0 and value("0xe+1") == 15, "tokens end where they must")
  for _, bad in ipairs { "0x", "1e", "1e+", "0x1p", "1.2.3", "1..2", "0x1.8p", "12abc" } do
    syntax("s:1: malformed number near '" .. bad .. "'", "return " .. bad)
  end
  syntax("s:1: <eof> expected near 'x'", "return 3x")
  syntax("s:1: <eof> expected near '_000'", "return 1_000")
  syntax("s:1: malformed number near '0x'", "return 0xg")
end

-- Tokens and white space.
do
  assert(load("return\t1\v+\f2\r+\n3")() == 6, "white space characters")
  assert(load("a=1;b=2;;;c=3;return a+b+c")() == 6, "semicolons")
  a, b, c = nil, nil, nil
  assert(value("7//2") == 3 and value("7~=2") and not value("7==2") and value("~7") == -8 and value("1<<2>>1") == 2, "operators")
  assert(value("{1,2;3}")[3] == 3 and value("#'abc'") == 3 and value("'a'..'b'") == "ab", "punctuation")
  assert(value("2^3") == 8 and value("5&3|8~1") == (5 & 3) | (8 ~ 1), "more operators")
  assert(value("select('#', ...)") == 0 and value("1<2==true") == true, "and so on")
  syntax("s:1: unexpected symbol near '@'", "x = @")
  syntax("s:1: unexpected symbol near '$'", "$x = 1")
  syntax("s:1: unexpected symbol near '!'", "return !x")
  syntax("s:1: unexpected symbol near '<\\1>'", "return \1")
  syntax("s:1: syntax error near '&'", "a && b")
  syntax("s:2: syntax error near 'y'", "x\ny")
end

-- Every way to write the same string.
do
  local a = 'alo\n123"'
  assert(a == "alo\n123\"" and a == '\97lo\10\04923"' and a == [[alo
123"]] and a == [==[
alo
123"]==], "the manual's example")
end

-- Line counting through all constructs.
do
  local function line(source) return tonumber((select(2, pcall(assert(load(source, "=s")))):match("^s:(%d+):"))) end
  assert(line("error('x')") == 1 and line("\n\nerror('x')") == 3 and line("\r\n\r\nerror('x')") == 3, "line breaks")
  assert(line("\r\rerror('x')") == 3 and line("\n\r\n\rerror('x')") == 3, "CR alone and LF CR")
  assert(line("local s = [[\n\n]]\nerror('x')") == 4, "long strings")
  assert(line("--[[\n\n]]\nerror('x')") == 4, "long comments")
  assert(line("local s = 'a\\\nb'\nerror('x')") == 3, "escaped line breaks")
  assert(line("local s = 'a\\z\n\n  b'\nerror('x')") == 4, "skipped white space")
end

-- Manual §6.9: operating system facilities.

local function fails(expected, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "should have failed: " .. expected)
  local text = tostring(message):gsub("^[^:]*:%d+: ", ""):gsub("to '%w+%.(%w+)'", "to '%1'")
  assert(text == expected, ("expected %q, got %q"):format(expected, tostring(message)))
end
-- time: normalisation and the round trip through date.
do
  local now = os.time()
  assert(math.type(now) == "integer" and os.time() >= now)
  for _, moment in ipairs { now, 0, 86400, 951782400, 1700000000 } do
    local t = os.date("*t", moment)
    assert(os.time(t) == moment, "local round trip of " .. moment)
  end
  local t = { year = 2024, month = 2, day = 30, hour = 25, min = -1, sec = 61 }
  os.time(t)
  assert(t.year == 2024 and t.month == 3 and t.day == 2 and t.hour == 1 and t.min == 0 and t.sec == 1, "fields are normalised")
  assert(t.wday == 7 and t.yday == 62 and type(t.isdst) == "boolean", "derived fields are set")
  assert(os.time { year = 2024, month = 1, day = 1 } == os.time { year = 2024, month = 1, day = 1, hour = 12 }, "noon by default")
  assert(os.time { year = 2024, month = 14, day = 1 } == os.time { year = 2025, month = 2, day = 1 })
  assert(os.time { year = "2024", month = "01", day = 1.0 } == os.time { year = 2024, month = 1, day = 1 }, "numeric strings and integral floats")
  fails("field 'day' missing in date table", os.time, { year = 2024, month = 1 })
  fails("field 'year' missing in date table", os.time, { month = 1, day = 1 })
  fails("field 'month' is not an integer", os.time, { year = 2024, month = 1.5, day = 1 })
  fails("field 'year' is out-of-bound", os.time, { year = 1 << 40, month = 1, day = 1 })
end

-- date in UTC.
do
  local moment = 1718461845 -- Saturday, 15 June 2024, 14:30:45
  local function is(format, expected) local s = os.date("!" .. format, moment) assert(s == expected, format .. " gives " .. s) end
  is("%Y-%m-%d %H:%M:%S", "2024-06-15 14:30:45") is("%a %A %b %B", "Sat Saturday Jun June") is("%c", "Sat Jun 15 14:30:45 2024") is("%x %X", "06/15/24 14:30:45")
  is("%I %p %j %y %w %u %%", "02 PM 167 24 6 6 %") is("%D %F %T %R", "06/15/24 2024-06-15 14:30:45 14:30") is("%e %C %h %n%t", "15 20 Jun \n\t") is("%U %W %V %G %g", "23 24 24 2024 24") is("", "")
  is("plain", "plain")
  local t = os.date("!*t", moment)
  assert(t.year == 2024 and t.month == 6 and t.day == 15 and t.hour == 14 and t.min == 30 and t.sec == 45 and t.wday == 7 and t.yday == 167 and t.isdst == false)
  t = os.date("!*t", 0)
  assert(t.year == 1970 and t.yday == 1 and t.wday == 5 and t.hour == 0)
  t = os.date("!*t", -1)
  assert(t.year == 1969 and t.month == 12 and t.day == 31 and t.sec == 59)
  t = os.date("!*t", 951782400)
  assert(t.month == 2 and t.day == 29, "leap day")
  assert(type(os.date()) == "string" and os.date("%Y", 86400 * 365) == "1971")
  fails("bad argument #1 to 'date' (invalid conversion specifier '%Q')", os.date, "%Q")
  fails("bad argument #1 to 'date' (invalid conversion specifier '%E')", os.date, "%E")
  fails("bad argument #2 to 'date' (number has no integer representation)", os.date, "%Y", 1.5)
end

-- clock, difftime, getenv, tmpname, remove, rename.
do
  local c = os.clock()
  assert(math.type(c) == "float" and c >= 0 and os.clock() >= c)
  assert(os.difftime(10, 4) == 6.0 and math.type(os.difftime(2, 1)) == "float")
  assert(os.getenv("A_NAME_THAT_IS_NOT_SET_ANYWHERE") == nil and type(os.getenv("PATH")) == "string")
  local name, other = os.tmpname(), os.tmpname()
  assert(type(name) == "string" and name ~= other)
  assert(os.remove(other))
  local f = assert(io.open(name, "w"))
  f:write("x")
  f:close()
  assert(os.rename(name, other) == true and io.open(name) == nil)
  assert(os.remove(other) == true)
  local ok, message, code = os.remove(other)
  assert(ok == nil and message == other .. ": No such file or directory" and code == 2, message)
  ok, message, code = os.rename(name, other)
  assert(ok == nil and message == "No such file or directory" and code == 2, message)
end

-- setlocale knows the C locale.
do
  assert(os.setlocale() == "C" and os.setlocale("C") == "C" and os.setlocale(nil, "numeric") == "C")
  assert(os.setlocale("no such locale") == nil)
end

-- execute: how the command ended.
do
  assert(os.execute() == true)
  local function is(command, ok, what, code)
    local a, b, c = os.execute(command)
    assert(a == ok and b == what and c == code, command)
  end
  is("true", true, "exit", 0) is("exit 3", nil, "exit", 3) is("kill -9 $$", nil, "signal", 9)
end

-- Wrong arguments. (What exit does is seen from outside only.)
do
  fails("bad argument #1 to 'getenv' (string expected, got no value)", os.getenv)
  fails("bad argument #1 to 'difftime' (number expected, got no value)", os.difftime)
  fails("bad argument #1 to 'setlocale' (string expected, got table)", os.setlocale, {})
  fails("bad argument #2 to 'setlocale' (invalid option 'x')", os.setlocale, "C", "x")
  fails("field 'month' missing in date table", os.time, { year = 2020, day = 1 })
  fails("field 'hour' is not an integer", os.time, { year = 2020, month = 1, day = 1, hour = "x" })
  fails("bad argument #1 to 'exit' (number expected, got table)", os.exit, {})
end

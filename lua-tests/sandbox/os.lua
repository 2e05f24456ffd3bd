-- `os` of the sandbox. Runtime specification §7.5.

-- nothing else
for name in pairs(os) do
  assert(("time date clock difftime platform"):find(name, 1, true), name)
end
for _, name in ipairs { "exit", "getenv", "remove", "rename", "tmpname", "execute", "setlocale" } do
  assert(os[name] == nil, name)
end

assert(os.platform == "moonlet")
assert(os.difftime(5, 3) == 2 and os.difftime(3, 5) == -2)

-- time
do
  local now = os.time()
  assert(math.type(now) == "integer" and math.type(os.time(nil)) == "integer" and os.time() - now <= 3600)
  local fields = { year = 2024, month = 6, day = 15, hour = 14, min = 30, sec = 45 }
  local at = os.time(fields)
  assert(math.type(at) == "integer" and fields.yday == nil and fields.isdst == nil, "the argument is untouched")
  local back = os.date("*t", at)
  assert(back.year == 2024 and back.month == 6 and back.day == 15 and back.hour == 14 and back.min == 30 and back.sec == 45)
  assert(back.wday == 7 and back.yday == 167 and type(back.isdst) == "boolean")
  -- The time of day defaults to midnight, the date to today.
  assert(os.date("%X", os.time { year = 2024, month = 6, day = 15 }) == "00:00:00")
  local before, today, after = os.date("%x"), os.date("%x", os.time {}), os.date("%x")
  assert(today == before or today == after)
  -- What is out of range is carried over.
  assert(os.date("%Y-%m-%d", os.time { year = 2023, month = 13, day = 32 }) == "2024-02-01")
  assert(os.time { year = 2024, month = 6, day = 15, sec = 3661 } - os.time { year = 2024, month = 6, day = 15 } == 3661)
  -- isdst, and what is no number, do not count.
  assert(os.time { year = 2024, month = 6, day = 15, isdst = true } == os.time { year = 2024, month = 6, day = 15 })
  assert(os.time { year = 2024, month = 6, day = 15, hour = {} } == os.time { year = 2024, month = 6, day = 15 })
end

-- clock: since the runtime started, forwards
do
  local before = os.clock()
  assert(math.type(before) == "float" and before >= 0)
  require("time").sleep("20ms")
  assert(os.clock() - before >= 0.02, "also while nothing runs")
end

-- date
local AT = 1718461845 -- Sat Jun 15 14:30:45 2024 UTC
for specifier, text in pairs {
  ["%a"] = "Sat", ["%A"] = "Saturday", ["%b"] = "Jun", ["%B"] = "June", ["%c"] = "Sat Jun 15 14:30:45 2024",
  ["%d"] = "15", ["%H"] = "14", ["%I"] = "02", ["%j"] = "167", ["%m"] = "06", ["%M"] = "30", ["%p"] = "PM",
  ["%S"] = "45", ["%U"] = "23", ["%w"] = "6", ["%W"] = "24", ["%x"] = "06/15/24", ["%X"] = "14:30:45", ["%y"] = "24",
  ["%Y"] = "2024", ["%z"] = "+0000", ["%%"] = "%",
} do
  assert(os.date("!" .. specifier, AT) == text, specifier .. " gives " .. os.date("!" .. specifier, AT))
end
assert(os.date("!%Z", AT):match("^%u+$"))
assert(os.date("!%c", 1717597845) == "Wed Jun  5 14:30:45 2024", "the day is padded with a space")
assert(os.date("!%Q%Y%", AT) == "%Q2024%", "what is unknown stays")
assert(os.date("!", AT) == "")
do
  local t = os.date("!*t", AT)
  assert(t.year == 2024 and t.month == 6 and t.day == 15 and t.hour == 14 and t.min == 30 and t.sec == 45)
  assert(t.wday == 7 and t.yday == 167 and t.isdst == false)
  local before, default, after = os.date("%c"), os.date(), os.date("%c")
  assert(default == before or default == after, "the default format")
end

-- Points in time, durations, zones and layouts. Runtime specification §7.1, §7.3, §7.4.

local guard = require("support.guard")
local refused, raises, HOST = guard.refused, guard.raises, guard.HOST
local time = require("time")

-- constants
do
  assert(time.NANOSECOND == 1 and time.MICROSECOND == 1000 and time.MILLISECOND == 1000000)
  assert(time.SECOND == 1000000000 and time.MINUTE == 60 * time.SECOND and time.HOUR == 3600000000000)
  for i, name in ipairs { "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER",
    "NOVEMBER", "DECEMBER" } do
    assert(time[name] == i)
  end
  for i, name in ipairs { "SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY" } do
    assert(time[name] == i - 1)
  end
  assert(tostring(time.utc) == "UTC" and tostring(time.localtz) == "Local" and time.utc == time.utc)
  assert(time.nothing == nil)
end

local function at(...) return time.date(...) end
local t = at(2024, 6, 15, 14, 30, 45, 123456789, time.utc)

-- fields
do
  local y, m, d = t:date()
  assert(y == 2024 and m == 6 and d == 15)
  local h, mi, s = t:clock()
  assert(h == 14 and mi == 30 and s == 45)
  assert(t:year() == 2024 and t:month() == 6 and t:day() == 15 and t:hour() == 14 and t:minute() == 30 and t:second() == 45)
  assert(t:nanosecond() == 123456789 and t:weekday() == time.SATURDAY and t:year_day() == 167)
  assert(t:unix() == 1718461845 and t:unix_nano() == 1718461845123456789 and math.type(t:unix_nano()) == "integer")
  assert(tostring(t) == "2024-06-15 14:30:45.123456789 +0000 UTC")
  assert(tostring(at(2024, 1, 1, 0, 0, 0, 0, time.utc)) == "2024-01-01 00:00:00 +0000 UTC")
  assert(not t:is_zero() and at(1, 1, 1, 0, 0, 0, 0, time.utc):is_zero())
  assert(t:location() == time.utc and time.now():location() == time.localtz)
  assert(tostring(t:format_rfc3339()) == "2024-06-15T14:30:45Z")
end

-- date normalises; all seven fields are required
do
  assert(at(2023, 13, 1, 0, 0, 0, 0, time.utc):equal(at(2024, 1, 1, 0, 0, 0, 0, time.utc)))
  assert(at(2024, 3, 0, 0, 0, 0, 0, time.utc):day() == 29)
  assert(at(2024, 1, 1, 24, 60, 60, 1000000000, time.utc):equal(at(2024, 1, 2, 1, 1, 1, 0, time.utc)))
  raises("bad argument #7", time.date, 2024, 1, 1, 0, 0, 0)
  raises("bad argument #8", time.date, 2024, 1, 1, 0, 0, 0, 0, "UTC")
end

-- unix
do
  assert(time.unix(0, 0):utc():year() == 1970 and time.unix(1, -1):nanosecond() == 999999999)
  assert(time.unix(0, 1500000000):unix() == 1 and time.unix(5, 0):location() == time.localtz)
  raises("bad argument #2", time.unix, 1)
end

-- arithmetic and comparison
do
  local later = t:add("1h30m")
  assert(later:sub(t):minutes() == 90.0 and later:after(t) and t:before(later) and not t:after(t) and t:equal(t))
  assert(t:add(time.SECOND):second() == 46 and t:add(time.parse_duration("-45s")):second() == 0)
  assert(t:add(1.9):nanosecond() == 123456790, "a fraction is dropped")
  assert(t:equal(t:in_location(time.fixed_zone("X", 3600))) and t ~= at(2024, 6, 15, 14, 30, 45, 123456789, time.utc))
  raises("invalid duration", t.add, t, "soon")
  raises("invalid duration", t.add, t)
  raises("time.Time", t.sub, t, 1)
  local d = at(2024, 1, 31, 1, 2, 3, 4, time.utc)
  assert(tostring(d:add_date(0, 1, 0)) == "2024-03-02 01:02:03.000000004 +0000 UTC")
  assert(tostring(d:add_date(1, 0, -31)) == "2024-12-31 01:02:03.000000004 +0000 UTC")
  local now = time.now()
  assert(now:add("1h"):sub(now):hours() == 1.0)
end

-- round and truncate
do
  local hour, day = time.parse_duration("1h"), time.parse_duration("24h")
  assert(t:truncate(hour):format(time.DATE_TIME) == "2024-06-15 14:00:00")
  assert(t:round(hour):format(time.DATE_TIME) == "2024-06-15 15:00:00")
  assert(t:round(day):format(time.DATE_TIME) == "2024-06-16 00:00:00")
  assert(at(2024, 6, 15, 14, 30, 0, 0, time.utc):round(hour):hour() == 15, "half rounds up")
  assert(t:round(time.parse_duration(0)):equal(t))
  raises("time.Duration", t.round, t, "1h")
  raises("time.Duration", t.truncate, t, 5)
end

-- zones
do
  local zone = time.fixed_zone("EST", -5 * 3600)
  assert(zone:string() == "EST" and tostring(zone) == "EST")
  assert(tostring(t:in_location(zone)) == "2024-06-15 09:30:45.123456789 -0500 EST")
  assert(tostring(at(2024, 1, 1, 0, 0, 0, 0, zone):utc()) == "2024-01-01 05:00:00 +0000 UTC")
  assert(t:in_location(time.fixed_zone("", 5400)):format("MST -07:00") == "+0130 +01:30")
  local paris, err = time.load_location("Europe/Paris")
  assert(err == nil and tostring(paris) == "Europe/Paris" and paris == time.load_location("Europe/Paris"))
  assert(paris ~= time.utc)
  assert(tostring(t:in_location(paris)) == "2024-06-15 16:30:45.123456789 +0200 CEST")
  assert(at(2024, 1, 15, 12, 0, 0, 0, paris):format(time.RFC3339) == "2024-01-15T12:00:00+01:00")
  -- the clock goes forward on the 31st of March and back on the 27th of October
  assert(at(2024, 3, 31, 1, 59, 59, 0, paris):add("1s"):format(time.RFC3339) == "2024-03-31T03:00:00+02:00")
  assert(at(2024, 3, 31, 12, 0, 0, 0, paris):sub(at(2024, 3, 30, 12, 0, 0, 0, paris)):hours() == 23.0)
  assert(at(2024, 10, 27, 12, 0, 0, 0, paris):sub(at(2024, 10, 26, 12, 0, 0, 0, paris)):hours() == 25.0)
  assert(at(2024, 3, 30, 12, 0, 0, 0, paris):add_date(0, 0, 1):hour() == 12, "days are not hours")
  assert(time.load_location("UTC") == time.utc and time.load_location("Local") == time.localtz)
  local nowhere, err = time.load_location("Nowhere/Land")
  refused(errors.NOT_FOUND, "Nowhere/Land", nowhere, err)
  assert(err:retryable() == false)
  refused(errors.INVALID, "empty", time.load_location(""))
  assert(t:in_local():location() == time.localtz)
  raises("bad argument", t.in_location, t, "UTC")
  raises("bad argument", time.fixed_zone, "X")
end

-- formats: the constants, then every element
do
  for name, expected in pairs {
    RFC3339 = "2024-06-15T14:30:45Z", RFC3339NANO = "2024-06-15T14:30:45.123456789Z", RFC822 = "15 Jun 24 14:30 UTC",
    RFC822Z = "15 Jun 24 14:30 +0000", RFC850 = "Saturday, 15-Jun-24 14:30:45 UTC", RFC1123 = "Sat, 15 Jun 2024 14:30:45 UTC",
    RFC1123Z = "Sat, 15 Jun 2024 14:30:45 +0000", KITCHEN = "2:30PM", STAMP = "Jun 15 14:30:45",
    STAMP_MILLI = "Jun 15 14:30:45.123", STAMP_MICRO = "Jun 15 14:30:45.123456", STAMP_NANO = "Jun 15 14:30:45.123456789",
    DATE_TIME = "2024-06-15 14:30:45", DATE_ONLY = "2024-06-15", TIME_ONLY = "14:30:45",
  } do
    assert(t:format(time[name]) == expected, name .. ": " .. t:format(time[name]))
  end
  local early = at(2007, 3, 5, 4, 6, 7, 80000000, time.fixed_zone("ABC", 19800))
  for layout, expected in pairs {
    ["2006 06"] = "2007 07", ["January Jan 01 1"] = "March Mar 03 3", ["02|2|_2"] = "05|5| 5", ["002 __2"] = "064  64",
    ["Monday Mon"] = "Monday Mon", ["15 03 3"] = "04 04 4", ["PM pm"] = "AM am", ["04 4"] = "06 6", ["05 5"] = "07 7",
    ["05.000"] = "07.080", ["5,00"] = "7.08", ["05.999"] = "07.08", ["5.000000000"] = "7.080000000", ["x.000"] = "x.000",
    ["MST"] = "ABC", ["-0700"] = "+0530", ["-07:00"] = "+05:30", ["-07"] = "+05", ["-070000"] = "+053000",
    ["-07:00:00"] = "+05:30:00", ["Z0700"] = "+0530", ["Z07:00"] = "+05:30", ["Z07"] = "+05", ["literal"] = "literal", [""] = "",
  } do
    assert(early:format(layout) == expected, layout .. ": " .. early:format(layout))
  end
  assert(t:format("Z0700 Z07:00") == "Z Z" and at(2024, 1, 1, 0, 0, 5, 0, time.utc):format("05.999 3PM") == "05 12AM")
end

-- parse
do
  local function read(layout, text, loc) return assert(time.parse(layout, text, loc)) end
  for _, name in ipairs { "RFC3339", "RFC3339NANO", "RFC1123", "RFC1123Z", "RFC850", "DATE_TIME" } do
    assert(read(time[name], t:format(time[name]), time.utc):unix() == t:unix(), name)
  end
  assert(read(time.RFC3339NANO, "2024-06-15T14:30:45.123456789Z"):equal(t))
  assert(read(time.RFC3339, "2024-06-15T14:30:45.123456789Z"):equal(t), "a fraction the layout lacks")
  assert(tostring(read(time.RFC3339, "2024-06-15T14:30:45+02:00")):find("^2024%-06%-15 14:30:45 %+0200"))
  assert(read(time.RFC3339, "2024-06-15T14:30:45+02:00"):unix() == t:unix() - 7200)
  assert(read(time.DATE_ONLY, "2024-06-15"):location() == time.localtz, "local unless the text names a zone")
  local paris = time.load_location("Europe/Paris")
  assert(read(time.DATE_TIME, "2024-06-15 16:30:45", paris):unix() == t:unix())
  assert(read("2006-01-02 15:04:05 MST", "2024-06-15 16:30:45 CEST", paris):unix() == t:unix())
  local unknown = read("2006-01-02 15:04:05 MST", "2024-06-15 14:30:45 XYZ", paris)
  assert(unknown:unix() == t:unix() and unknown:format("MST -0700") == "XYZ +0000")
  assert(read("15:04", "07:08", time.utc):format("2006-01-02 15:04") == "0000-01-01 07:08", "defaults")
  assert(read("3:04 pm", "12:00 am", time.utc):hour() == 0 and read("3PM", "12PM", time.utc):hour() == 12)
  assert(read("2006  x", "2024 x", time.utc):year() == 2024, "spaces match spaces")
  assert(read("06", "69", time.utc):year() == 1969 and read("06", "68", time.utc):year() == 2068)
  assert(read("2006 002", "2024 060", time.utc):format("Jan 2") == "Feb 29")
  assert(read("jan Monday January", "jan friday MAY", time.utc):month() == 5)
  for _, case in ipairs {
    { time.DATE_ONLY, "2023-02-29" }, { time.DATE_ONLY, "2024-13-01" }, { time.DATE_ONLY, "2024-6-15" },
    { time.DATE_ONLY, "2024-06-15 " }, { time.DATE_ONLY, "" }, { time.TIME_ONLY, "24:00:00" }, { time.TIME_ONLY, "10:60:00" },
    { time.RFC3339, "2024-06-15 14:30:45Z" }, { time.KITCHEN, "13:00PM" }, { "Jan", "Foo" }, { "05.000", "01.12" },
  } do
    refused(errors.INVALID, "cannot parse", time.parse(case[1], case[2]))
  end
  raises("bad argument #2", time.parse, "x")
end

-- durations
do
  local function d(x) return assert(time.parse_duration(x)) end
  for text, shown in pairs {
    ["1h30m45.5s"] = "1h30m45.5s", ["1h"] = "1h0m0s", ["120s"] = "2m0s", ["1500us"] = "1.5ms", ["0.25ms"] = "250µs",
    ["10ns"] = "10ns", ["0"] = "0s", ["-3s"] = "-3s", [".5s"] = "500ms", ["+2m"] = "2m0s", ["1h1ns"] = "1h0m0.000000001s",
    ["3µs"] = "3µs", ["3μs"] = "3µs",
  } do
    assert(tostring(d(text)) == shown, text .. ": " .. tostring(d(text)))
  end
  for _, wrong in ipairs { "", "5", "s", "1x", "1h 2m", "1.s.", "-", "1e3s", "300000h5000000h", {}, true } do
    refused(errors.INVALID, "invalid duration", time.parse_duration(wrong))
  end
  refused(errors.INVALID, "invalid duration", time.parse_duration())
  local x = d("1h30m0.0015s")
  assert(x:nanoseconds() == 5400001500000 and x:microseconds() == 5400001500 and x:milliseconds() == 5400001)
  assert(math.type(x:milliseconds()) == "integer" and d("-1.9ms"):milliseconds() == -1, "toward zero")
  assert(d("90m"):hours() == 1.5 and d("90s"):minutes() == 1.5 and d("1.5s"):seconds() == 1.5)
  assert(d(1500):nanoseconds() == 1500 and d(2.9):nanoseconds() == 2 and d(x):nanoseconds() == x:nanoseconds())
  assert(tostring(d(math.maxinteger)) == "2562047h47m16.854775807s")
end

-- They travel.
do
  local zone = time.fixed_zone("EST", -18000)
  local back = process.exec(function(...) return { ... } end, HOST, t:in_location(zone), time.parse_duration("5s"), zone, time.utc)
  assert(back[1]:equal(t) and tostring(back[1]) == tostring(t:in_location(zone)))
  assert(tostring(back[2]) == "5s" and back[3] == zone and back[4] == time.utc)
end

-- The module `metrics` (modules.md §4.19).
local metrics = require("metrics")

local function refused(part, value, err)
  assert(value == nil and errors.is(err, errors.INVALID), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local function has(line)
  local text, err = metrics.text()
  assert(err == nil and ("\n" .. text):find("\n" .. line .. "\n", 1, true), line .. " is not in\n" .. text)
end

do -- counters
  assert(metrics.counter_inc("jobs") == true)
  assert(metrics.counter_add("jobs", 2.5) == true and metrics.counter_add("jobs", 0))
  assert(metrics.counter_inc("jobs", {kind = "b", other = 1, [1] = "x"}))
  assert(metrics.counter_inc("jobs", {kind = 'a "quoted"\n\\'}))
  has("# TYPE jobs counter")
  has("jobs 3.5")
  has('jobs{kind="b"} 1')
  has([[jobs{kind="a \"quoted\"\n\\"} 1]])
  refused("cannot go down", metrics.counter_add("jobs", -1))
  refused("cannot go down", metrics.counter_add("jobs", 0 / 0))
end

do -- gauges
  assert(metrics.gauge_set("heat", 20.5, {room = "a"}) and metrics.gauge_inc("heat", {room = "a"}))
  assert(metrics.gauge_dec("heat") and metrics.gauge_dec("heat"))
  has("# TYPE heat gauge")
  has('heat{room="a"} 21.5')
  has("heat -2")
end

do -- histograms
  for _, value in ipairs { 1 / 512, 1 / 128, 0.75, 100 } do assert(metrics.histogram("took.time", value, {at = "x"})) end
  has("# TYPE took_time histogram")
  has('took_time_bucket{at="x",le="0.005"} 1')
  has('took_time_bucket{at="x",le="0.01"} 2')
  has('took_time_bucket{at="x",le="10"} 3')
  has('took_time_bucket{at="x",le="+Inf"} 4')
  has('took_time_sum{at="x"} 100.759765625')
  has('took_time_count{at="x"} 4')
end

do -- misuse
  refused("jobs is a counter, not a gauge", metrics.gauge_set("jobs", 1))
  refused("heat is a gauge, not a histogram", metrics.histogram("heat", 1))
  refused("took.time is a histogram, not a counter", metrics.counter_inc("took.time"))
  refused("heat is a gauge, not a counter", metrics.counter_add("heat", 1))
  refused("jobs is a counter, not a gauge", metrics.gauge_inc("jobs"))
  refused("took.time is a histogram, not a gauge", metrics.gauge_dec("took.time"))
  for _, f in ipairs { metrics.counter_inc, metrics.gauge_inc, metrics.gauge_dec } do refused("empty name", f("")) end
  for _, f in ipairs { metrics.counter_add, metrics.gauge_set, metrics.histogram } do refused("empty name", f("", 1)) end
  for i = 1, 10000 do assert(metrics.counter_inc("many", {i = tostring(i)})) end
  refused("too many different labels", metrics.counter_inc("many", {i = "more"}))
  assert(metrics.counter_inc("many", {i = "1"}))
  for _, f in ipairs { metrics.counter_inc, metrics.gauge_set, metrics.histogram } do assert(not pcall(f)) end
  assert(not pcall(metrics.gauge_set, "heat", "warm") and not pcall(metrics.counter_inc, "jobs", 1))
end

do -- all processes of a runtime share them
  local name = "shared"
  assert(process.exec(function() return require("metrics").counter_inc("shared") end, "app:processes"))
  assert(metrics.counter_inc(name))
  has("shared 2")
end

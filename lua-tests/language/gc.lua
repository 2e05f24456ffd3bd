-- Manual §2.5: garbage collection, weak tables, finalizers.

-- collectgarbage options.
do
  local count = collectgarbage("count")
  assert(math.type(count) == "float" and count > 0, "count is kilobytes as a float")
  assert(collectgarbage() == 0 and collectgarbage("collect") == 0, "a full cycle returns 0")
  assert(collectgarbage("isrunning") == true, "running by default")
  assert(collectgarbage("stop") == 0 and collectgarbage("isrunning") == false, "stop")
  assert(collectgarbage("restart") == 0 and collectgarbage("isrunning") == true, "restart")
  assert(type(collectgarbage("step")) == "boolean", "step tells whether a cycle finished")
  local finished
  for _ = 1, 10000 do finished = collectgarbage("step", 100) if finished then break end end
  assert(finished, "steps eventually finish a cycle")
  local pause = collectgarbage("setpause", 150)
  assert(math.type(pause) == "integer" and collectgarbage("setpause", pause) == 150, "setpause returns the old value")
  local multiplier = collectgarbage("setstepmul", 300)
  assert(math.type(multiplier) == "integer" and collectgarbage("setstepmul", multiplier) == 300, "setstepmul as well")
  local ok, message = pcall(collectgarbage, "nonsense")
  assert(not ok and message == "bad argument #1 to 'collectgarbage' (invalid option 'nonsense')", message)
  ok, message = pcall(collectgarbage, {})
  assert(not ok and message == "bad argument #1 to 'collectgarbage' (string expected, got table)", message)
end

-- Memory is reclaimed.
do
  collectgarbage()
  local before = collectgarbage("count")
  local big = {}
  for i = 1, 2000 do big[i] = { i, tostring(i) .. "padding" } end
  assert(collectgarbage("count") > before + 50, "allocation shows")
  big = nil
  collectgarbage()
  collectgarbage()
  assert(collectgarbage("count") < before + 50, "garbage is released")
end

-- Cycles are collected.
do
  local weak = setmetatable({}, { __mode = "v" })
  do
    local a, b = {}, {}
    a.b, b.a = b, a
    weak[1], weak[2] = a, b
    local f
    f = function() return f, a end
    weak[3] = f
    local co
    co = coroutine.create(function() local self = co coroutine.yield(self) end)
    coroutine.resume(co)
    weak[4] = co
  end
  collectgarbage()
  collectgarbage()
  assert(next(weak) == nil, "unreachable cycles of tables, closures and threads are gone")
end

-- Weak values.
do
  local w = setmetatable({}, { __mode = "v" })
  local strong = {}
  w.kept, w.lost, w[1], w[2] = strong, {}, {}, strong
  w.number, w.string, w.boolean = 1.5, "text" .. #w, true
  w.fn = function() return strong end
  collectgarbage()
  assert(w.kept == strong and w[2] == strong, "referenced values stay")
  assert(w.lost == nil and w[1] == nil and w.fn == nil, "unreferenced values go")
  assert(w.number == 1.5 and w.string and w.boolean == true, "values that are not objects stay; strings count as values")
end

-- Weak keys.
do
  local w = setmetatable({}, { __mode = "k" })
  local key = {}
  w[key], w[{}], w[{}] = "a", "b", "c"
  w["s" .. "tring"], w[1] = {}, {}
  collectgarbage()
  local n = 0
  for k in pairs(w) do n = n + 1 end
  assert(n == 3 and w[key] == "a" and w.string and w[1], "only dead object keys are removed")
end

-- Both.
do
  local w = setmetatable({}, { __mode = "kv" })
  local k, v = {}, {}
  w[k], w[{}], w[1] = v, v, v
  w[k], w.other = {}, {}
  collectgarbage()
  assert(w[k] == nil and w.other == nil and w[1] == v, "either side dying removes the pair")
  local n = 0
  for _ in pairs(w) do n = n + 1 end
  assert(n == 1, "one pair left")
end

-- Ephemerons: a value reachable only through its own key does not keep it.
do
  local e = setmetatable({}, { __mode = "k" })
  do
    local k = {}
    e[k] = { back = k }
    local a, b, c = {}, {}, {}
    e[a], e[b], e[c] = b, c, a
  end
  collectgarbage()
  assert(next(e) == nil, "self-referring and circular entries are collected")
  local root = {}
  do
    local a, b, c = {}, {}, {}
    e[root], e[a], e[b], e[c] = a, b, c, "end"
  end
  collectgarbage()
  local steps, k = 0, root
  while e[k] ~= "end" do k = e[k] steps = steps + 1 end
  assert(steps == 3, "a chain from a live key stays alive")
  local long = setmetatable({}, { __mode = "k" })
  local start = {}
  local cursor = start
  for _ = 1, 100 do local nxt = {} long[cursor] = nxt cursor = nxt end
  cursor = nil
  collectgarbage()
  local n = 0
  for _ in pairs(long) do n = n + 1 end
  assert(n == 100, "long ephemeron chain")
  start = nil
  collectgarbage()
  assert(next(long) == nil, "and dies as a whole")
end

-- Changing __mode later and weak tables during traversal.
do
  local mt = {}
  local t = setmetatable({ {}, {}, {} }, mt)
  collectgarbage()
  assert(#t == 3, "strong at first")
  mt.__mode = "v"
  setmetatable(t, mt)
  collectgarbage()
  assert(#t == 0 and next(t) == nil, "weak after the change")
  local w = setmetatable({}, { __mode = "k" })
  local keep = {}
  for i = 1, 30 do local k = {} w[k] = i if i % 3 == 0 then keep[#keep + 1] = k end end
  local sum = 0
  for k, v in pairs(w) do collectgarbage("step", 0) if v % 3 == 0 then sum = sum + v end end
  assert(sum == 165, "traversal with collections sees all live entries")
end

-- Finalizers run once, in reverse order of marking, with the object.
do
  local order = {}
  local function make_all()
    local all = {}
    for i = 1, 5 do
      all[i] = setmetatable({ i }, { __gc = function(o) order[#order + 1] = o[1] end })
    end
  end
  make_all()
  collectgarbage()
  -- With a collection at every safepoint they need not die in the same one.
  assert(os.getenv("MOONLET_GC_STRESS") or table.concat(order, ",") == "5,4,3,2,1", table.concat(order, ","))
  collectgarbage()
  collectgarbage()
  assert(#order == 5, "each runs once")
end

-- An object is marked by setmetatable only if __gc is present then.
do
  local ran = 0
  local mt = {}
  setmetatable({}, mt)
  mt.__gc = function() ran = ran + 1 end
  collectgarbage()
  assert(ran == 0, "added later: not marked")
  local flagged = { __gc = true }
  local object = setmetatable({}, flagged)
  flagged.__gc = function() ran = ran + 1 end
  object = nil
  collectgarbage()
  assert(ran == 1, "any value marks, the function present at collection is called")
  setmetatable({}, { __gc = "not callable" })
  collectgarbage()
  assert(ran == 1, "a value that is not a function is ignored")
end

-- Resurrection: the object is usable in its finalizer, may be stored, and can be marked again.
do
  local saved
  local rounds = 0
  local mt
  mt = { __gc = function(o) saved = o rounds = rounds + 1 if rounds < 3 then setmetatable(o, mt) end end }
  do local o = setmetatable({ child = { "alive" } }, mt) end
  for expected = 1, 3 do
    saved = nil
    collectgarbage()
    assert(rounds == expected and saved.child[1] == "alive", "round " .. expected)
  end
  saved = nil
  collectgarbage()
  assert(rounds == 3 and saved == nil, "unmarked now")
end

-- Weak tables and finalizers: values removed before, keys only after the object is really freed.
do
  local values = setmetatable({}, { __mode = "v" })
  local keys = setmetatable({}, { __mode = "k" })
  local seen_value, seen_key = "unset", "unset"
  do
    local o = setmetatable({}, { __gc = function(o) seen_value, seen_key = values.o, keys[o] end })
    values.o, keys[o] = o, "info"
  end
  collectgarbage()
  assert(seen_value == nil, "resurrected objects leave weak values before their finalizer")
  assert(seen_key == "info", "but stay as weak keys while it runs")
  collectgarbage()
  assert(next(keys) == nil, "and go in the next cycle")
end

-- A finalizer sees objects it references, and may allocate and collect.
do
  local result
  do
    local a = setmetatable({ name = "a" }, { __gc = function() end })
    setmetatable({ other = a }, { __gc = function(o)
      local garbage = {}
      for i = 1, 100 do garbage[i] = { i } end
      collectgarbage()
      result = o.other.name .. #garbage
    end })
  end
  collectgarbage()
  assert(result == "a100", "finalizer body is ordinary code")
end

-- Stacks, upvalues and coroutines keep objects alive.
do
  local w = setmetatable({}, { __mode = "v" })
  local function probe(...)
    local l = { "local" }
    w.l, w.vararg = l, (...)
    collectgarbage()
    return w.l == l and w.vararg == (...)
  end
  assert(probe({}), "locals and varargs are roots")
  local up = {}
  w.up = up
  local f = function() return up end
  up = nil
  w.shared = f()
  local co = coroutine.wrap(function() local inner = {} w.inner = inner coroutine.yield() return inner end)
  co()
  collectgarbage()
  assert(w.inner ~= nil, "a suspended coroutine's locals are reachable")
  assert(co() == w.inner)
  co = nil
  collectgarbage()
  assert(w.inner == nil, "until it is dropped")
end

-- Collection in the middle of expressions, constructors, concatenations and loops.
do
  local function object(i) collectgarbage("step", 0) return { i } end
  local t = { object(1), object(2), x = object(3), object(4) }
  assert(t[1][1] == 1 and t[2][1] == 2 and t.x[1] == 3 and t[3][1] == 4, "constructor temporaries are safe")
  local s = "a" .. tostring(object(1)[1]) .. "b" .. tostring(object(2)[1])
  assert(s == "a1b2", "concatenation temporaries are safe")
  local total = 0
  for i, o in ipairs { object(1), object(2), object(3) } do total = total + object(o[1])[1] * i end
  assert(total == 14, "iteration state is safe")
end

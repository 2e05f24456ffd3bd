"""Random Lua 5.3 programs that end and print the same every time.

Each program is a list of blocks; each block runs in `pcall`, so that an error is part of what the program prints and the
next block goes on. Loops are bounded by construction and calls by a counter.

Nothing printed depends on what the manual leaves open:

* addresses: `tostring` of an object is only taken in error messages, where `clean` removes it;
* the order of `pairs`, and that of the assignments in a table constructor (keys in brackets never are those of items);
* the border of a table that has several: `#` and what relies on it (`insert`, `remove`, `unpack`, `concat` without
  bounds) get their tables through `whole` or `open`, which let only those with one border pass;
* how often `sort` calls its function.
"""

import random

PRELUDE = """\
local function show(value, depth)
  local kind = math.type(value) or type(value)
  if kind == "string" then return string.format("%q", value) end
  if kind == "table" then
    if (depth or 0) > 2 then return "{...}" end
    local parts = {}
    local last = 0
    for i = 1, 20 do if rawget(value, i) ~= nil then last = i end end
    for i = 1, last do parts[i] = show(rawget(value, i), (depth or 0) + 1) end
    for _, name in ipairs{"a", "b", "c", "x", "n"} do
      local field = rawget(value, name)
      if field ~= nil then parts[#parts + 1] = name .. "=" .. show(field, (depth or 0) + 1) end
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  if kind == "function" or kind == "thread" or kind == "userdata" then return kind end
  return kind .. ":" .. tostring(value)
end
local function out(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = show((select(i, ...))) end
  print(table.concat(parts, "\\t"))
end
local calls = 0
local function limited() calls = calls + 1 if calls > 150 then error("too many calls", 0) end end
local function clean(message)
  if type(message) ~= "string" then return message end
  return (message:gsub("0x%x+", "ADDRESS"))
end
-- What stands for the length of a table if it has several borders and no __len.
local function open(value)
  if type(value) ~= "table" or getmetatable(value) then return nil end
  local count, last = 0, 0
  for key in next, value do
    if math.type(key) == "integer" and key > 0 then count, last = count + 1, math.max(last, key) end
  end
  return count ~= last and "open" or nil
end
local function whole(value)
  if open(value) then return {} end
  return value
end
local function plain(value)
  local kind = type(value)
  return (kind == "table" or kind == "function" or kind == "thread") and kind or value
end
local Meta = {}
Meta.__index = function(t, k) return k end
Meta.__newindex = function(t, k, v) rawset(t, k, v) end
Meta.__call = function(self, ...) return select("#", ...), ... end
Meta.__len = function() return 7 end
Meta.__concat = function(a, b) return "concat" end
Meta.__unm = function() return "unm" end
Meta.__eq = function() return true end
Meta.__lt = function() return true end
Meta.__le = function() return false end
Meta.__bnot = function() return "bnot" end
for _, name in ipairs{"add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor", "bxor", "shl", "shr"} do
  Meta["__" .. name] = function(a, b) return name end
end
local object = setmetatable({a = 1}, Meta)
local other = setmetatable({b = 2}, Meta)
"""

INTEGERS = [
    "0", "1", "-1", "2", "3", "7", "10", "255", "256", "-17", "1000000007", "0x7fffffff", "0x80000000", "0xffffffff",
    "math.maxinteger", "math.mininteger", "0x7fffffffffffffff", "9223372036854775807", "9223372036854775808", "63", "64",
    "-64", "0xA", "1 << 62",
]
FLOATS = [
    "0.0", "-0.0", "1.0", "0.5", "-2.5", "3.0", "1e15", "1e16", "2^53", "2^63", "-2^63", "1e100", "1e308 * 10", "-(1/0)",
    "0x1p-3", "0x.8p1", "1e-7", "123456.789", "1/3", "100.0", "5e-324",
]
# Keys that are none of the items before or after them in a constructor.
KEYS = ["0", "-1", "255", "-17", "math.maxinteger", "math.mininteger", "0.0", "0.5", "-2.5", "1e15", "2^53", "1e308 * 10", "'x'", "'y'"]
STRINGS = [
    '""', '"a"', '"abc"', '"10"', '"0x10"', '" 7 "', '"1e1"', '"-3"', '"hello world"', '"%d"',
    '"5.0"', '"10x"', '[[long]]', '"inf"', '"nan"', '"9223372036854775808"', '"éß"',
]
BINARY = [
    "+", "-", "*", "/", "//", "%", "^", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or", "&", "|", "~", "<<", ">>",
]
UNARY = ["-", "not", "#", "~"]
STRING_CALLS = [
    "string.rep({s}, {small})", "string.sub({s}, {i}, {i})", "string.byte({s}, {i})", "string.len({s})",
    "string.upper({s})", "string.reverse({s})", "string.format('%s|%5s', plain({e}), plain({s}))", "string.format('%d', {e})",
    "string.format('%5.2f %g', {n}, {n})", "string.find({s}, {s}, {i}, true)", "string.find({s}, '%a+')",
    "string.gsub({s}, '.', {{a = 'X', l = 1}})", "string.match({s}, '(%w)(%w*)')", "string.gsub({s}, '%w', '<%0>', {i})",
    "string.char({byte}, {byte})", "({s}):lower()", "#whole({s})", "tostring({n})", "tonumber({s})", "tonumber({s}, {base})",
    "string.format('%q', {n})", "string.format('%x', {i})", "string.format('%10.3s|', plain({s}))", "utf8.len({s})",
    "utf8.char({byte}, {i})", "string.pack('>i4', {i})", "string.unpack('<i2', {s})",
]
NUMBER_CALLS = [
    "math.floor({e})", "math.ceil({n})", "math.abs({n})", "math.max({n}, {n})", "math.min({e}, {n})", "math.fmod({n}, {n})",
    "math.tointeger({e})", "math.type({e})", "math.ult({i}, {i})", "math.modf({n})", "math.sqrt({n})", "select('#', {e}, {e})",
    "select({i}, {e}, {e})", "type({e})", "rawequal({e}, {e})", "rawlen(whole({e}))", "next({{}})", "tostring({e} == {e})",
    "string.format('%.14g', {n})", "string.format('%i', {n})",
]
TABLE_CALLS = [
    "table.concat(whole({t}), ',')", "table.unpack(whole({t}))", "table.pack({e}, {e}).n", "#whole({t})", "table.concat({t}, {s}, 1, {small})",
    "table.remove(whole({t}))", "table.remove(whole({t}), {i})", "select('#', table.unpack({t}, 1, {small}))", "table.insert(whole({t}), {e})", "table.insert(whole({t}), {i}, {e})",
    "table.move({t}, 1, {small}, {small})", "({t})[{i}]", "rawget({t}, {e})", "next({t}) ~= nil", "ipairs({t})",
]


class Program:
    """One program under construction."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.depth = 0
        self.loops = 0
        self.names = 0
        self.scopes = [[]]
        self.vararg = False

    def pick(self, choices):
        return self.random.choice(choices)

    def chance(self, probability):
        return self.random.random() < probability

    def line(self, text):
        self.lines.append("  " * self.depth + text)

    def fresh(self):
        self.names += 1
        return f"v{self.names}"

    def variables(self):
        return [name for scope in self.scopes for name in scope]

    def declare(self, name):
        self.scopes[-1].append(name)

    # ---- expressions

    def fill(self, template, depth):
        return template.format(
            s=self.string(depth), i=self.pick(INTEGERS[:14] + ["#'ab'"]), n=self.number(depth), e=self.expression(depth),
            t=self.table(depth), small=self.random.randint(-1, 6), byte=self.random.randint(0, 255),
            base=self.random.randint(2, 36),
        )

    def string(self, depth):
        return self.pick(STRINGS) if depth <= 0 or self.chance(0.7) else f"({self.expression(depth - 1)})"

    def number(self, depth):
        if depth > 0 and self.chance(0.3):
            return f"({self.number(depth - 1)} {self.pick(['+', '-', '*', '//', '%', '/'])} {self.number(depth - 1)})"
        return self.pick(INTEGERS + FLOATS)

    def table(self, depth):
        if depth <= 0 or self.chance(0.2):
            return "{}"
        items = [self.expression(depth - 1) for _ in range(self.random.randint(0, 4))]
        for name in ("a", "b", "n"):
            if self.chance(0.25):
                items.append(f"{name} = {self.expression(depth - 1)}")
        if self.chance(0.1):
            items.append(f"[{self.pick(KEYS)}] = {self.expression(depth - 1)}")
        if self.vararg and self.chance(0.2):
            items.append("...")
        return "{" + ", ".join(items) + "}"

    def function(self, depth):
        """A small function expression without statements of its own scope."""
        names = [self.fresh() for _ in range(self.random.randint(0, 3))]
        variadic = self.chance(0.3)
        self.scopes.append(names)
        outer, self.vararg = self.vararg, variadic
        body = ", ".join(self.expression(depth - 1) for _ in range(self.random.randint(0, 3)))
        self.vararg = outer
        self.scopes.pop()
        return f"(function({', '.join(names + ['...'] * variadic)}) limited() return {body} end)"

    def expression(self, depth=3):
        names = self.variables()
        if depth <= 0 or self.chance(0.2):
            leaves = [self.pick(INTEGERS), self.pick(FLOATS), self.pick(STRINGS), "true", "false", "nil", "object", "other"]
            if names:
                leaves += [self.pick(names)] * 6
            if self.vararg:
                leaves += ["...", "(...)"]
            return self.pick(leaves)
        form = self.random.randint(0, 15)
        if form <= 5:
            return f"({self.expression(depth - 1)} {self.pick(BINARY)} {self.expression(depth - 1)})"
        if form == 6:
            return self.unary(depth)
        if form == 7:
            return self.fill(self.pick(STRING_CALLS), depth - 1)
        if form == 8:
            return self.fill(self.pick(NUMBER_CALLS), depth - 1)
        if form == 9:
            return self.fill(self.pick(TABLE_CALLS), depth - 1)
        if form == 10:
            return self.table(depth)
        if form == 11:
            arguments = ", ".join(self.expression(depth - 1) for _ in range(self.random.randint(0, 3)))
            return f"{self.function(depth - 1)}({arguments})"
        if form == 12 and names:
            return f"{self.pick(names)}{self.pick(['.a', '.b', '[1]', '[2]', '.x.y', ':m(1)', '(1, 2)', '[' + self.expression(0) + ']'])}"
        if form == 13:
            return f"select(2, pcall(function(...) limited() return {self.expression(depth - 1)} end, {self.expression(0)}))" \
                if not self.vararg else f"({self.expression(depth - 1)})"
        if form == 14:
            return f"(object {self.pick(BINARY)} {self.expression(depth - 1)})"
        return f"({self.expression(depth - 1)} {self.pick(['and', 'or'])} {self.expression(depth - 1)})"

    def unary(self, depth):
        operator, names = self.pick(UNARY), self.variables()
        if operator != "#":
            return f"({operator} {self.expression(depth - 1)})"
        if names and self.chance(0.5):
            name = self.pick(names)
            return f"(open({name}) or #{name})"
        return f"#whole({self.expression(depth - 1)})"

    # ---- statements

    def block(self, count):
        self.depth += 1
        self.scopes.append([])
        for _ in range(count):
            self.statement()
        self.scopes.pop()
        self.depth -= 1

    def statement(self):
        if self.depth > 5:
            self.line(f"out({self.expression(2)})")
            return
        self.pick([
            self.local, self.local, self.assign, self.print_out, self.print_out, self.condition, self.numeric_for,
            self.generic_for, self.while_loop, self.repeat_loop, self.local_function, self.coroutine, self.protected,
            self.field, self.closures, self.sort, self.goto_continue, self.multiple,
        ])()

    def local(self):
        names = [self.fresh() for _ in range(self.random.randint(1, 3))]
        values = [self.expression() for _ in range(self.random.randint(0, 3))]
        self.line(f"local {', '.join(names)}" + (f" = {', '.join(values)}" if values else ""))
        for name in names:
            self.declare(name)

    def assign(self):
        names = self.variables()
        if not names:
            return self.local()
        self.line(f"{self.pick(names)} = {self.expression()}")

    def multiple(self):
        names = self.variables()
        if len(names) < 2:
            return self.local()
        a, b = self.random.sample(names, 2)
        self.line(f"{a}, {b} = {b}, {self.expression(2)}")
        self.line(f"out({a}, {b})")

    def field(self):
        name = self.fresh()
        self.line(f"local {name} = {self.table(2)}")
        self.declare(name)
        for _ in range(self.random.randint(1, 3)):
            key = self.pick([".a", ".b", "[1]", "[open(%s) or #%s + 1]" % (name, name), "[2]", ".x"])
            self.line(f"{name}{key} = {self.expression(2)}")
        self.line(f"out({name}, open({name}) or #{name})")

    def print_out(self):
        self.line(f"out({', '.join(self.expression() for _ in range(self.random.randint(1, 3)))})")

    def condition(self):
        self.line(f"if {self.expression()} then")
        self.block(2)
        if self.chance(0.4):
            self.line(f"elseif {self.expression(2)} then")
            self.block(1)
        if self.chance(0.5):
            self.line("else")
            self.block(1)
        self.line("end")

    def loop_body(self, extra):
        self.loops += 1
        self.scopes.append(extra)
        self.block(2)
        self.scopes.pop()
        self.loops -= 1

    def numeric_for(self):
        if self.loops >= 2:
            return self.print_out()
        name = self.fresh()
        start, stop, step = self.pick([
            ("1", "3", None), ("3", "1", "-1"), ("1.0", "2", "0.5"), ("1", "2.9", None),
            ("math.mininteger", "math.mininteger + 1", None), ("1", "0", None),
            ("1", "'3'", None), ("0", "1", "0"), ("-1", "-3", "-2"), ("'a'", "2", None),
        ])
        self.line(f"for {name} = {start}, {stop}{', ' + step if step else ''} do")
        self.loop_body([name])
        self.line("end")

    def generic_for(self):
        if self.loops >= 2:
            return self.print_out()
        index, value = self.fresh(), self.fresh()
        source = self.pick([
            f"ipairs({self.table(2)})", "string.gmatch('a1b2c3', '(%a)(%d)')", f"ipairs({self.expression(1)})", "next, {}",
            "utf8.codes('aé€')",
        ])
        self.line(f"for {index}, {value} in {source} do")
        self.loop_body([index, value])
        self.line("end")

    def while_loop(self):
        if self.loops >= 2:
            return self.print_out()
        counter = self.fresh()
        self.line(f"local {counter} = 0")
        self.line(f"while {counter} < {self.random.randint(1, 4)} do")
        self.depth += 1
        self.line(f"{counter} = {counter} + 1")
        self.depth -= 1
        self.loop_body([])
        if self.chance(0.3):
            self.line(f"  if {self.expression(2)} then break end")
        self.line("end")

    def repeat_loop(self):
        if self.loops >= 2:
            return self.print_out()
        counter, inner = self.fresh(), self.fresh()
        self.line(f"local {counter} = 0")
        self.line("repeat")
        self.depth += 1
        self.line(f"local {inner} = {self.expression(2)}")
        self.line(f"{counter} = {counter} + 1")
        self.depth -= 1
        self.loop_body([inner])
        self.line(f"until {counter} > 2 or {inner}")

    def goto_continue(self):
        if self.loops >= 2:
            return self.print_out()
        name, label = self.fresh(), self.fresh()
        self.line(f"for {name} = 1, 4 do")
        self.depth += 1
        self.line(f"if {name} % 2 == {self.random.randint(0, 1)} then goto continue_{label} end")
        self.depth -= 1
        self.loops += 1
        self.line("  do")
        self.scopes.append([name])
        self.block(1)
        self.scopes.pop()
        self.line("  end")
        self.loops -= 1
        self.line(f"  ::continue_{label}::")
        self.line("end")

    def local_function(self):
        name = self.fresh()
        parameters = [self.fresh() for _ in range(self.random.randint(0, 3))]
        variadic = self.chance(0.4)
        self.line(f"local function {name}({', '.join(parameters + ['...'] * variadic)})")
        self.line("  limited()")
        outer, self.vararg = self.vararg, variadic
        loops, self.loops = self.loops, 1
        self.scopes.append(parameters + [name])
        self.block(2)
        self.depth += 1
        self.line(f"return {', '.join(self.expression(2) for _ in range(self.random.randint(0, 2)))}")
        self.depth -= 1
        self.scopes.pop()
        self.loops = loops
        self.vararg = outer
        self.line("end")
        self.declare(name)
        self.line(f"out({name}({', '.join(self.expression(1) for _ in range(self.random.randint(0, 3)))}))")

    def closures(self):
        counter, get, add = self.fresh(), self.fresh(), self.fresh()
        self.line(f"local {counter} = {self.number(1)}")
        self.line(f"local {get}, {add} = function() return {counter} end, function(d) {counter} = {counter} + d return {counter} end")
        self.line(f"out({get}(), {add}({self.number(1)}), {get}(), {add}({self.expression(1)}))")
        self.declare(counter)
        self.declare(get)

    def coroutine(self):
        name = self.fresh()
        self.line(f"local {name} = coroutine.wrap(function(...)")
        outer, self.vararg = self.vararg, True
        loops, self.loops = self.loops, 1
        self.depth += 1
        self.line("limited()")
        self.line(f"local first = coroutine.yield({self.expression(1)}, ...)")
        self.depth -= 1
        self.scopes.append(["first"])
        self.block(1)
        self.depth += 1
        self.line(f"for i = 1, 2 do out(coroutine.yield(i, {self.expression(1)})) end")
        self.line(f"return {self.expression(1)}")
        self.depth -= 1
        self.scopes.pop()
        self.loops = loops
        self.vararg = outer
        self.line("end)")
        self.line(f"for i = 1, {self.random.randint(1, 5)} do out(pcall({name}, i, {self.expression(1)})) end")

    def protected(self):
        form = self.random.randint(0, 2)
        if form == 0:
            self.line(f"out(pcall(error, {self.expression(1)}))")
            return
        self.line("local ok, message = pcall(function()" if form == 1 else "local ok, message = xpcall(function()")
        outer, self.vararg = self.vararg, False
        self.block(1)
        self.depth += 1
        self.line(self.pick([f"error({self.expression(1)})", f"error({{a = {self.expression(1)}}})", f"return {self.expression(2)}"]))
        self.depth -= 1
        self.vararg = outer
        self.line("end)" if form == 1 else "end, function(message) return clean(message) end)")
        self.line("out(ok, clean(message))")

    def sort(self):
        name = self.fresh()
        items = ", ".join(self.pick(INTEGERS[:12] + ['0.5', '-2.5', '1/3']) for _ in range(self.random.randint(0, 8)))
        compare = self.pick(["", ", function(a, b) return a > b end", ", function(a, b) return a < b end"])
        self.line(f"local {name} = {{{items}}}")
        self.line(f"table.sort({name}{compare})")
        self.line(f"out({name})")

    def build(self):
        for index in range(self.random.randint(3, 8)):
            self.line("calls = 0")
            self.line("do local ok, message = pcall(function(...)")
            self.vararg = True
            self.block(self.random.randint(2, 6))
            self.line("end, 1, 'two')")
            # An error value may be any value; a text is compared without addresses.
            self.line(f"out({index}, ok, clean(message)) end")
        return PRELUDE + "\n".join(self.lines) + "\n"


def program(seed):
    """The program with this number."""
    return Program(seed).build()

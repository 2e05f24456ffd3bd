-- Random programs with annotations everywhere, and the same without them: both have the same bytecode, the same results
-- and the same errors (types §0, I2 and I3). Some annotations are even wrong.

local state = 7
local function random(n)
  state = (state * 6364136223846793005 + 1442695040888963407)
  return (state >> 33) % n + 1
end
local function pick(list) return list[random(#list)] end

-- A piece of a program is a pair of texts: with annotations, and without.
local typed, plain
local function emit(text) typed[#typed + 1] = text plain[#plain + 1] = text end
local function annotate(text) typed[#typed + 1] = text end

local types = { "integer", "number", "string?", "{integer}", "{[string]: any}", "{x: number, y?: string}", "any",
  "(integer, string) -> boolean", "(a: integer, ...any) -> (integer, string?)", '"a" | "b" | nil', "unknown", "never",
  "readonly {string}", "number @min(0)", "((integer) -> ())?", "table", "typeof(print)", "T", "{T}", "3 | -1.5" }

local function annotation()
  if random(4) > 1 then annotate(pick({ ": ", ":", " : " }) .. pick(types)) end
end

local variables = { "a", "b", "c", "list", "record" }
local expression

local function cast()
  if random(5) == 1 then annotate(pick({ " :: ", " as " }) .. pick({ "any", "integer", "{integer}", "string?" })) end
end

-- Most operators get what they can work on; a few get anything, so that failures are compared as well.
local guarded = {
  { "num(", " + ", "num(" }, { "num(", " // ", "positive(" }, { "num(", " ^ ", "num(" }, { "num(", " < ", "num(" },
  { "text(", " .. ", "text(" },
}
local prefixes = { { "- num(", ")" }, { "#text(", ")" }, { "#tab(", ")" } }

local function operand(depth)
  local choice = depth <= 0 and random(4) or random(10)
  if choice == 1 then emit(tostring(random(20)))
  elseif choice == 2 then emit(string.format("%q", string.rep("s", random(3))))
  elseif choice == 3 then emit(pick(variables))
  elseif choice == 4 then emit(pick { "nil", "true", "1.5", "#tab(list)", "tab(record).x", "tab(list)[1]" })
  elseif choice == 5 then
    emit("(") expression(depth - 1) cast() emit(")")
  elseif choice == 6 then
    emit("f(") expression(depth - 1) emit(", ") expression(depth - 1) emit(")")
  elseif choice == 7 then
    emit("{") expression(depth - 1) cast() emit(", x = ") expression(depth - 1) emit("}")
  elseif choice == 8 then
    emit("(function(p") annotation() emit(", ...") annotation() emit(")") annotation()
    emit(" return p, ... end)(") expression(depth - 1) emit(")")
  elseif choice == 9 then
    emit("type(") operand(depth - 1) emit(")")
  elseif random(4) == 1 then
    emit("not ") operand(depth - 1)
  elseif random(60) == 1 then
    emit(pick { "- ", "#" }) operand(depth - 1)
  else
    local around = pick(prefixes)
    emit(around[1]) operand(depth - 1) emit(around[2])
  end
end

function expression(depth)
  if depth <= 0 or random(3) > 1 then
    operand(depth)
  elseif random(100) == 1 then
    operand(depth) emit(pick { " + ", " .. ", " < ", " // ", " ^ " }) operand(depth - 1)
  elseif random(2) == 1 then
    operand(depth) emit(pick { " and ", " or ", " == ", " ~= " }) operand(depth - 1)
  else
    local around = pick(guarded)
    emit(around[1]) operand(depth) emit(")") cast() emit(around[2] .. around[3]) operand(depth - 1) emit(")")
  end
end

local statement
local function block(depth)
  for _ = 1, random(3) do statement(depth - 1) end
end

function statement(depth)
  local choice = depth <= 0 and random(4) or random(9)
  if choice == 1 then
    local name = pick(variables)
    emit("local " .. name) annotation() emit(" = ") expression(2) emit("\n")
  elseif choice == 2 then
    emit(pick { "a", "b", "c" } .. " = ") expression(2) emit("\n")
  elseif choice == 3 then
    emit("print(") expression(2) emit(")\n")
  elseif choice == 4 then
    emit("tab(record)") if random(2) == 1 then annotate("!") end emit("." .. pick { "x", "y", "z" } .. " = ") expression(1) emit("\n")
  elseif choice == 5 then
    emit("if ") expression(2) emit(" then\n") block(depth) emit("else\n") block(depth) emit("end\n")
  elseif choice == 6 then
    emit("for i") annotation() emit(" = 1, 2 do\n") block(depth) emit("print(i)\nend\n")
  elseif choice == 7 then
    emit("for k") annotation() emit(", v") annotation() emit(" in ipairs({10, 20}) do\n") block(depth) emit("print(k, v)\nend\n")
  elseif choice == 8 then
    emit("local function g") if random(2) == 1 then annotate("<T, U: table>") end
    emit("(p") annotation() emit(", q") annotation() emit(")") annotation() emit("\n")
    block(depth) emit("return p\nend\nprint(g(a, b))\n")
  else
    emit("do local ok, why = pcall(function(x") annotation() emit(")\n") block(depth)
    emit("error(x) end, 'told')\nprint(ok, why) end\n")
  end
end

local function program()
  typed, plain = {}, {}
  emit("local a, b, c, list = 1, 'two', 3.5, {1, 2, 3}\n")
  emit("local record") annotation() emit(" = {x = 1, y = 'y'}\n")
  emit("local function f(p") annotation() emit(", q") annotation() emit(")") annotation() emit(" return q or p end\n")
  for _ = 1, 6 do statement(3) end
  emit("return a, b, c\n")
  return table.concat(typed), table.concat(plain)
end

local function is_plain(value) return type(value) ~= "table" and type(value) ~= "function" end

-- What programs make of a value before they work on it.
local library = {
  num = function(value) return type(value) == "number" and value or 1 end,
  positive = function(value) return type(value) == "number" and value > 0 and value or 1 end,
  text = function(value) return is_plain(value) and tostring(value) or type(value) end,
  tab = function(value) return type(value) == "table" and value or {} end,
}

local function run(text)
  local printed = {}
  local function show(...)
    local values = table.pack(...)
    for i = 1, values.n do
      values[i] = library.text(values[i])
    end
    printed[#printed + 1] = table.concat(values, "\t")
  end
  local environment = setmetatable({ print = show }, { __index = function(_, name) return library[name] or _G[name] end })
  local chunk, why = load(text, "=program", "t", environment)
  if not chunk then error(why .. "\n" .. text) end
  local ended = table.pack(pcall(chunk))
  show(table.unpack(ended, 1, ended.n))
  return table.concat(printed, "\n"), string.dump(chunk, true), ended[1]
end

local annotated, failed, lines = 0, 0, 0
for _ = 1, 300 do
  local with, without = program()
  if with ~= without then annotated = annotated + 1 end
  local shown, code = run(with)
  local expected, expected_code, ended = run(without)
  if shown ~= expected or code ~= expected_code then
    error("annotations change this program:\n" .. with .. "\n" .. shown .. "\ninstead of\n" .. expected .. "\ncode: " .. tostring(code == expected_code))
  end
  if not ended then failed = failed + 1 end
  lines = lines + select(2, expected:gsub("\n", ""))
end
-- Otherwise there would be little to compare: most programs run to their end.
assert(annotated > 290, annotated)
assert(failed > 0 and failed <= 30, failed)
assert(lines > 1000, lines)

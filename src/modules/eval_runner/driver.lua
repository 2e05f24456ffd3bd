-- Runs what a program wants to have evaluated: first the libraries it imports, each of which becomes a field of its
-- target, then the chunk, and of what that returns the method, if one is wanted.
local chunk, method, libraries = ...

for _, library in ipairs(libraries) do
  local value = library.run()
  -- As `require` has it for a module that returns nothing.
  if value == nil then value = true end
  for _, name in ipairs(library.names) do library.target[name] = value end
end

if not method then return chunk(select(4, ...)) end
local exports = chunk()
local run = type(exports) == "table" and exports[method]
if type(run) ~= "function" then
  return nil, errors.new{kind = errors.INVALID, message = ("method %q not found in what the source returns"):format(method)}
end
return run(select(4, ...))

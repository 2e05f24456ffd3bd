-- Where security is strict, a process without a scope may do nothing that is guarded.
return { main = function()
  assert(security.scope() == nil and not security.can("env.get", "PATH"))
  for _, row in ipairs(guarded.rows) do guarded.assert_refused(row, guarded.call(table.unpack(row[1])), row[2]) end
  assert(#assert(registry.find{}) == 0 and next(assert(env.get_all())) == nil)
end }

return { main = function()
  local function state(id, wanted)
    while true do
      local found = assert(system.supervisor.state(id))
      if found.status == wanted then return found end
      time.sleep("1ms")
    end
  end
  local steady = state("app:steady", "running")
  assert(steady.id == "app:steady" and steady.desired == "running" and steady.retry_count == 0 and steady.details == "")
  assert(steady.started_at >= steady.last_update and steady.last_update > 1600000000)
  local flaky = state("app:flaky", "broken")
  assert(flaky.retry_count == 1 and flaky.started_at == nil and flaky.desired == "stopped")
  assert(flaky.details:find("on purpose", 1, true), flaky.details)
  assert(state("app:unwanted", "unknown").desired == "stopped")
  local nothing, err = system.supervisor.state("app:none")
  assert(nothing == nil and errors.is(err, errors.NOT_FOUND))
  local ids = {}
  for i, found in ipairs(assert(system.supervisor.states())) do ids[i] = found.id end
  assert(table.concat(ids, " ") == "app:flaky app:host app:steady app:unwanted")
  local hosts = assert(system.hosts.list())
  assert(#hosts == 1 and hosts[1].id == "app:host" and hosts[1].status == "running" and hosts[1].processes >= 1)
  assert(#assert(system.hosts.processes("app:host")) >= 1)
end }

-- Process groups. Runtime specification §6.6.

local guard = require("support.guard")
local receive, refused, raises, HOST = guard.receive, guard.refused, guard.raises, guard.HOST
local pg = require("pg")
local me = process.pid()

refused(errors.INVALID, "namespace:name", pg.open("nothing"))
raises("bad argument #1", pg.open)

local scope, err = pg.open("app:groups")
assert(type(scope) == "userdata" and err == nil)

-- join, leave, get_members, which_groups
do
  assert(#scope:get_members("none") == 0 and #scope:which_groups() == 0)
  assert(scope:join("a") == true and scope:join({ "b", "c" }) == true)
  assert(scope:get_members("a")[1] == me and scope:get_local_members("b")[1] == me)
  assert(table.concat(scope:which_groups(), ",") == "a,b,c" and table.concat(scope:which_local_groups(), ",") == "a,b,c")
  assert(pg.open("app:other"):get_members("a")[1] == nil, "scopes are apart")
  assert(scope:leave("a") == true and #scope:get_members("a") == 0)
  refused(errors.INVALID, "not a member", scope:leave("a"))
  refused(errors.INVALID, "not a member", scope:leave({ "a", "x" }))
  assert(scope:leave({ "x", "b", "c" }) == true, "one of them is enough")
  assert(#scope:which_groups() == 0)
  -- n joins need n leaves
  scope:join("n") scope:join("n")
  assert(#scope:get_members("n") == 1)
  assert(scope:leave("n") and #scope:get_members("n") == 1 and scope:leave("n") and #scope:get_members("n") == 0)
  refused(errors.INVALID, "group is required", scope:join(""))
  raises("bad argument", scope.join, scope)
  raises("bad argument", scope.join, {}, "a")
end

-- members in other processes, monitors, events, broadcast; membership ends with the process
do
  local sub, members, err = scope:monitor("workers")
  assert(#members == 0 and err == nil)
  local all, groups = scope:events()
  assert(next(groups) == nil)
  local pids = {}
  for i = 1, 3 do
    local pid = assert(process.spawn_monitored(function(me)
      require("pg").open("app:groups"):join("workers")
      local inbox = process.inbox()
      local message = inbox:receive()
      process.send(me, "heard", message:payload():data() .. " from " .. message:from())
      inbox:receive()
    end, HOST, me))
    pids[pid] = true
    local joined = receive(sub:channel(), "joined")
    assert(joined.system == "pg" and joined.kind == "member.joined" and joined.path == "workers")
    assert(joined.data.Group == "workers" and joined.data.PIDs[1] == pid)
    assert(receive(all:channel(), "joined, of all").data.PIDs[1] == pid)
    assert(#scope:get_members("workers") == i)
  end
  local late, members = scope:monitor("workers")
  assert(#members == 3 and pids[members[1]])
  local _, groups = scope:events()
  assert(#groups.workers == 3)
  local heard = process.listen("heard")
  assert(scope:broadcast("workers", "hello", "you") == true)
  for _ = 1, 3 do assert(receive(heard, "answer") == "you from " .. me) end
  assert(scope:broadcast("nobody", "hello") == true)
  refused(errors.INVALID, "topic", scope:broadcast("workers", "@x"))
  assert(scope:broadcast_local("workers", "end"))
  for _ = 1, 3 do
    local left = receive(late:channel(), "left")
    assert(left.kind == "member.left" and pids[left.data.PIDs[1]])
    guard.event(process.event.EXIT)
  end
  assert(#scope:get_members("workers") == 0)
  assert(sub:close() == true)
end

-- release
do
  local other = pg.open("app:groups")
  other:join("mine")
  local sub = other:monitor("mine")
  assert(other:release() == true and #scope:get_members("mine") == 0)
  local v, ok = sub:channel():receive()
  while ok do v, ok = sub:channel():receive() end
  for _, method in ipairs { "join", "leave", "get_members", "which_groups", "broadcast", "monitor", "events", "release" } do
    refused(errors.INVALID, "released", other[method](other, "mine", "x"))
  end
end

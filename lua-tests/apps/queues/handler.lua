-- Does what the body of its message says, and notes what it has seen under its `key`.
return { main = function(body)
  local seen = assert(store.get("app:data"))
  local message = assert(queue.message())
  local count = (seen:get(body.key) or {count = 0}).count + 1
  local note = {count = count, id = message:id(), from = message:header("from"), none = message:header("none")}
  for name, value in pairs(message:headers()) do note["h_" .. name] = value end
  if body.what == "ack" then
    assert(message:ack())
    note.again = select(2, message:ack()):kind()
  elseif body.what == "nack once" and count == 1 then
    -- From here on another one may have it.
    assert(seen:set(body.key, note) and message:nack())
    local again, refused = message:nack()
    local other, also = message:ack()
    assert(again == nil and errors.is(refused, errors.INVALID) and other == nil and errors.is(also, errors.INVALID))
    return
  elseif body.what == "auto" then
    note.again = select(2, message:ack()):kind()
  end
  assert(seen:set(body.key, note))
  -- The fourth time it is a dead letter.
  if body.what == "fail" and count < 4 then error("on purpose") end
  if body.what == "refuse" and count < 4 then return false end
end }

-- Counts what happens to things, and tells who asks.

return {
  main = function()
    assert(process.registry.register("journal"))
    local counts, inbox, events = {}, process.inbox(), process.events()
    while true do
      local news = channel.select { inbox:case_receive(), events:case_receive() }
      if news.channel == events then
        if news.value.kind == process.event.CANCEL then return end
      else
        local message = news.value
        if message:topic() == "counts?" then
          process.send(message:from(), "counts", counts)
        else
          counts[message:topic()] = (counts[message:topic()] or 0) + 1
        end
      end
    end
  end,
}

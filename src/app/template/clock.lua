local time = require("time")

-- Tells the time every now and then, until it is asked to end.
local function main(period)
  local events, ticker = process.events(), time.ticker(period)
  print("NAME runs; it tells the time every " .. period)
  while true do
    local chosen = channel.select { events:case_receive(), ticker:channel():case_receive() }
    if chosen.channel == events then return end
    print(chosen.value:format(time.TIME_ONLY))
  end
end

return { main = main }

coroutine.spawn(function() error("nobody catches this") end)
channel.new():receive()

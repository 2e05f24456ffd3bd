channel.new():receive()

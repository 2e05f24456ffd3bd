return { main = function(...) return queue.publish(...) end }

-- An entry whose chunk waits, which it must not.

process.inbox():receive()

return { main = function() end }

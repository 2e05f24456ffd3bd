-- Loading takes more than a slice, so others have their turn meanwhile.
for _ = 1, 300000 do end

return { main = function() end }

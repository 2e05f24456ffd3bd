-- Its top-level code never ends.
while true do end

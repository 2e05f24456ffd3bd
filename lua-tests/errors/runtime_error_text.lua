local function fail() error("custom text") end
fail()

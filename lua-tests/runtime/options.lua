-- Options of a process. Runtime specification §2.7.

local refused = require("support.guard").refused

local options = process.get_options()
assert(options.trap_links == false and options.upgradable == false, "defaults")
options.trap_links = true
assert(process.get_options().trap_links == false, "a copy")

local ok, err = process.set_options { trap_links = true }
assert(ok == true and err == nil and process.get_options().trap_links == true)
assert(process.set_options { upgradable = true })
assert(process.get_options().upgradable and process.get_options().trap_links, "the other stays")
assert(process.set_options {} == true)

-- Nothing of a wrong table is applied.
ok, err = process.set_options { trap_links = false, nonsense = 1 }
assert(ok == false)
refused(errors.INVALID, "option nonsense is not supported", ok, err)
refused(errors.INVALID, "trap_links must be a boolean", process.set_options { trap_links = 1 })
refused(errors.INVALID, "upgradable must be a boolean", process.set_options { upgradable = "yes" })
refused(errors.INVALID, "options parameter must be a table", process.set_options("trap_links"))
refused(errors.INVALID, "options parameter must be a table", process.set_options())
refused(errors.INVALID, "option 1 is not supported", process.set_options { true })
assert(process.get_options().trap_links == true)

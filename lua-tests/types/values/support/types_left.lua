-- One of two modules whose types need each other.

local M = {}
package.loaded["support.types_left"] = M

local right = require("support.types_right")
export type Left = {right: right.Right}

return M

-- The other one.

local M = {}
package.loaded["support.types_right"] = M

local left = require("support.types_left")
export type Right = {n: integer, left: left.Left?}

return M

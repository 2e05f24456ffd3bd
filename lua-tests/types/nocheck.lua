--!nocheck
-- Only the annotations themselves are looked at.
local a: integer = "text"
local b: Strng = 1                                        --> E0012
print(undefined_name, nil + 1)

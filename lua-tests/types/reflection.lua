-- The methods of type values, and what is asked of them (types §5.7).

type User = {name: string, age: integer?}
local name: string? = User:name()
local field: type = User.name
for key, of, optional in User:fields() do
  local text: string, inner: type, absent: boolean = key, of, optional
  print(text, inner:kind(), absent)
end
local count: integer = User:kind()                        --> E0001
User:fileds()                                             --> E0022
local inner = User:field("age")
if inner then print(inner:inner()) end
local any: type = typeof(1)
any:kinds()                                               --> E0022
local user, err = User:is({})
if err then print(err:message()) end
Integer:kind()

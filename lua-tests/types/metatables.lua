-- Classes: methods, `self`, metatables (types §2.9).

local Account = {}
Account.__index = Account

function Account.new(balance: number)
    return setmetatable({balance = balance, log = {}}, Account)
end

function Account:deposit(amount: number): number
    self.balance = self.balance + amount
    self.anything = true
    return self.balance
end

function Account:chain()
    return self
end

local account = Account.new(10)
account:deposit(5)
account:deposit("5")                                      --> E0001
account:deposit()                                         --> E0003
account.deposit(5)                                        --> E0003
account:chain():chain():deposit(true)                     --> E0001
account.extra = 1
print(account.other)
Account.new("x")                                          --> E0001

local Savings = setmetatable({}, {__index = Account})
Savings.__index = Savings
function Savings.open(rate: number)
    local self = setmetatable(Account.new(0), Savings)
    self.rate = rate
    return self
end
local savings = Savings.open(0.1)
savings:deposit(1)
print(savings.rate + 1)

-- Operators with metamethods.
local Vector = {}
Vector.__add = function(a, b) return a end
local v = setmetatable({}, Vector)
local sum = v + v
local more = v + nil
local none = {} + 1                                       --> E0019
local compared = {} < {}                                  --> E0019
local called = setmetatable({}, {__call = function() return 1 end})
called()

-- The declared class idiom.
type Counter = {count: integer, step: (self: Counter, by: integer) -> ()}
local Counter = {}
function Counter.step(self: Counter, by: integer)
    self.count = self.count + by
end
local counter: Counter = {count = 0, step = Counter.step}
counter:step(1)
counter:step("1")                                         --> E0001
counter:reset()                                           --> E0022

-- Tables that are called.
local Greeter = setmetatable({}, {__call = function(self, name: string): string return "hello " .. name end})
local greeting: string = Greeter("Ada")
local wrong: number = Greeter("Ada")                      --> E0001
Greeter(1, 2)                                             --> E0001 E0003

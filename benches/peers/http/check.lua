-- For wrk: counts answers that are not the expected one.
local threads = {}

function setup(thread)
  thread:set("wrong", 0)
  threads[#threads + 1] = thread
end

function response(status, headers, body)
  if status ~= 200 or not body:find('"message":"hello"', 1, true) or not body:find('"ok":true', 1, true) or #body > 32 then
    wrong = wrong + 1
  end
end

function done(summary)
  local wrong = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
  print("wrong answers: " .. wrong)
end

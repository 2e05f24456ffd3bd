return { main = function(how)
  if how == "raise" then error("raised") end
  if how == "text" then return nil, "as text" end
  return nil, errors.new{message = "as object", kind = errors.CONFLICT, retryable = true, details = {a = 1}}
end }

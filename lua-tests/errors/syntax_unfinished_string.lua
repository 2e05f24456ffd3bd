local s = "never
print(s)

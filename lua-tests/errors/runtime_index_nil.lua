local t = {}
print(t.inner.x)

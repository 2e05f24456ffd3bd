-- The module `compress` (modules.md §4.18).
local compress, base64 = require("compress"), require("base64")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local levels = { gzip = { 1, 9 }, deflate = { 1, 9 }, zlib = { 1, 9 }, brotli = { 0, 11 }, zstd = { 1, 22 } }
local text = ("Lua is a powerful, efficient, lightweight, embeddable scripting language. "):rep(40)
local binary = {}
for i = 0, 255 do binary[#binary + 1] = string.char(i, 255 - i) end
binary = table.concat(binary)

do -- what other programs have written
  assert(compress.gzip.decode(base64.decode("H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==")) == "hello")
  assert(compress.zlib.decode(base64.decode("eJzLSM3JyQcABiwCFQ==")) == "hello")
  assert(compress.deflate.decode(base64.decode("y0jNyckHAA==")) == "hello")
  assert(compress.zstd.decode(base64.decode("KLUv/QRYKQAAaGVsbG+jbZ+I")) == "hello")
  assert(compress.brotli.decode(base64.decode("CwKAaGVsbG8D")) == "hello")
end

for name, range in pairs(levels) do -- there and back
  local codec = compress[name]
  local sizes = {}
  for level = range[1], range[2] do
    local encoded = assert(codec.encode(text, { level = level }))
    assert(#encoded < #text and codec.decode(encoded) == text)
    sizes[#sizes + 1] = #encoded
  end
  assert(sizes[#sizes] <= sizes[1])
  assert(codec.decode(codec.encode("x")) == "x")
  assert(codec.decode(codec.encode(binary)) == binary)
  -- Long ones, off the workers: here because of the input, there because of the result.
  local long = text:rep(400)
  local encoded = assert(codec.encode(long))
  assert(#encoded < 64 << 10 and codec.decode(encoded) == long)
  local noise = require("crypto").random.bytes(100000)
  assert(codec.decode(codec.encode(noise)) == noise)

  local corrupt = name == "zstd" and errors.INTERNAL or errors.INVALID
  refused(errors.INVALID, "empty", codec.encode(""))
  refused(errors.INVALID, "empty", codec.decode(""))
  refused(errors.INVALID, "level", codec.encode("x", { level = range[1] - 1 }))
  refused(errors.INVALID, "level", codec.encode("x", { level = range[2] + 1 }))
  refused(errors.INVALID, "level", codec.encode("x", { level = "high" }))
  refused(errors.INVALID, "options", codec.encode("x", 1))
  refused(errors.INVALID, "max_size", codec.decode(encoded, { max_size = 0 }))
  refused(errors.INVALID, "max_size", codec.decode(encoded, { max_size = (1 << 30) + 1 }))
  refused(errors.INTERNAL, "larger than max_size", codec.decode(encoded, { max_size = #long - 1 }))
  assert(codec.decode(encoded, { max_size = #long }) == long)
  refused(errors.INTERNAL, "larger than max_size", codec.decode(codec.encode(text), { max_size = 10 }))
  refused(corrupt, "corrupt", codec.decode("this is not compressed at all"))
  refused(corrupt, "corrupt", codec.decode(encoded:sub(1, -2)))
  refused(corrupt, "corrupt", codec.decode((codec.encode(noise):sub(1, 90000))))
  assert(not pcall(codec.encode) and not pcall(codec.decode, {}))
end

do -- dictionaries
  local samples = {}
  for i = 1, 300 do
    samples[i] = ('{"id":%d,"name":"user %d","role":"%s","active":true}'):format(i, i * 7, i % 3 == 0 and "admin" or "guest")
  end
  local dict = assert(compress.zstd.train_dict(samples, { size = 2048, id = 4711, level = 5 }))
  assert(#dict <= 2048)
  local about = compress.zstd.inspect_dict(dict)
  assert(about.id == 4711 and about.content_size > 0 and about.content_size < #dict)
  assert(compress.zstd.inspect_dict(compress.zstd.train_dict(samples)).id > 0)
  local plain = compress.zstd.encode(samples[1])
  local small = assert(compress.zstd.encode(samples[1], { dict = dict }))
  assert(#small < #plain)
  assert(compress.zstd.decode(small, { dict = dict }) == samples[1])
  refused(errors.INTERNAL, "corrupt", compress.zstd.decode(small))
  -- Any text may be the content of one, but not what begins like one and is none.
  assert(compress.zstd.decode(compress.zstd.encode("a dictionary", { dict = "a dictionary" }), { dict = "a dictionary" }) == "a dictionary")
  refused(errors.INVALID, "no dictionary", compress.zstd.encode("x", { dict = dict:sub(1, 100) }))
  refused(errors.INVALID, "no dictionary", compress.zstd.decode(small, { dict = dict:sub(1, 100) }))
  refused(errors.INVALID, "dict", compress.zstd.decode(small, { dict = 1 }))
  refused(errors.INVALID, "dict", compress.zstd.encode("x", { dict = 1 }))
  refused(errors.INVALID, "no dictionary", compress.zstd.inspect_dict("not a dictionary"))
  refused(errors.INVALID, "no dictionary", compress.zstd.inspect_dict(""))
  refused(errors.INVALID, "size", compress.zstd.train_dict(samples, { size = 255 }))
  refused(errors.INVALID, "size", compress.zstd.train_dict(samples, { size = (1 << 20) + 1 }))
  refused(errors.INVALID, "id", compress.zstd.train_dict(samples, { id = 0 }))
  refused(errors.INVALID, "level", compress.zstd.train_dict(samples, { level = 23 }))
  refused(errors.INVALID, "no samples", compress.zstd.train_dict({}))
  refused(errors.INVALID, "sample at 2", compress.zstd.train_dict({ "a", 1 }))
  refused(errors.INTERNAL, "training failed", compress.zstd.train_dict({ "one" }))
  assert(not pcall(compress.zstd.train_dict, "sample") and not pcall(compress.zstd.inspect_dict))
end

-- The modules `base64`, `hash`, `uuid`, `env` and `logger` (modules.md §4.3 to §4.9).
local base64, hash, uuid, env, logger = require("base64"), require("hash"), require("uuid"), require("env"), require("logger")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

do -- base64
  for bytes, text in pairs { [""] = "", a = "YQ==", ab = "YWI=", abc = "YWJj", ["\0\xff\xfe"] = "AP/+" } do
    assert(base64.encode(bytes) == text and base64.decode(text) == bytes)
  end
  refused(errors.INVALID, "string expected, got number", base64.encode(1))
  refused(errors.INVALID, "string expected, got nil", base64.decode())
  refused(errors.INVALID, "illegal base64 data at input byte 2", base64.decode("YW!j"))
  refused(errors.INVALID, "illegal base64 data at input byte", base64.decode("YQ="))
  refused(errors.INVALID, "illegal base64 data at input byte", base64.decode("YQ==YQ=="))
end

do -- hash
  local digests = {
    md5 = "900150983cd24fb0d6963f7d28e17f72",
    sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d",
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      .. "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  }
  for name, digest in pairs(digests) do
    assert(hash[name]("abc") == digest)
    local raw = hash[name]("abc", true)
    assert(raw:gsub(".", function(c) return ("%02x"):format(c:byte()) end) == digest)
    refused(errors.INVALID, "string expected", hash[name](12))
  end
  -- RFC 2202 and RFC 4231, test case 2.
  local data, key = "what do ya want for nothing?", "Jefe"
  local keyed = {
    hmac_md5 = "750c783e6ab0b503eaa86e310a5db738",
    hmac_sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    hmac_sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    hmac_sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
      .. "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  }
  for name, digest in pairs(keyed) do
    assert(hash[name](data, key) == digest and #hash[name](data, key, true) == #digest // 2)
    refused(errors.INVALID, "string expected", hash[name](data))
    refused(errors.INVALID, "string expected", hash[name](nil, key))
  end
  assert(hash.fnv32("") == 0x811c9dc5 and hash.fnv32("a") == 0x050c5d7e)
  assert(hash.fnv64("") == 0xcbf29ce484222325 and hash.fnv64("a") == 0xaf63bd4c8601b7be)
  refused(errors.INVALID, "string expected", hash.fnv32())
  refused(errors.INVALID, "string expected", hash.fnv64({}))
end

do -- uuid
  local form = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
  local seen, last = {}, ""
  for _ = 1, 1000 do
    for version, make in pairs { [1] = uuid.v1, [4] = uuid.v4, [7] = uuid.v7 } do
      local id = make()
      assert(id:match(form) and id == id:lower() and not seen[id], id)
      seen[id] = true
      assert(uuid.version(id) == version and uuid.variant(id) == "RFC4122" and uuid.validate(id))
      if version == 7 then
        assert(last < id, last .. " " .. id)
        last = id
      end
    end
  end
  local dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
  assert(uuid.v3(dns, "www.example.com") == "5df41881-3aed-3515-88a7-2f4a814cf09e")
  assert(uuid.v5(dns, "www.example.com") == "2ed6657d-e927-568b-95e1-2665a8aea6a2")
  refused(errors.INVALID, "namespace", uuid.v3("x", "name"))
  refused(errors.INVALID, "namespace", uuid.v5(nil, "name"))
  refused(errors.INVALID, "string expected", uuid.v5(dns))
  refused(errors.INVALID, "string expected", uuid.v3(dns))
  refused(errors.INVALID, "namespace", uuid.v3(12, "name"))
  local parts = uuid.parse(dns)
  assert(parts.version == 1 and parts.variant == "RFC4122" and parts.node == "00:c0:4f:d4:30:c8")
  assert(parts.timestamp == 886630433)
  parts = uuid.parse(uuid.v7())
  assert(parts.version == 7 and parts.node == nil and math.abs(parts.timestamp - os.time()) < 60)
  parts = uuid.parse(uuid.v1())
  assert(math.abs(parts.timestamp - os.time()) < 60)
  assert(uuid.parse(uuid.v4()).timestamp == nil)
  assert(uuid.format(dns, "simple") == "6ba7b8109dad11d180b400c04fd430c8")
  assert(uuid.format("{" .. dns:upper() .. "}", "standard") == dns)
  assert(uuid.format(dns, "urn") == "urn:uuid:" .. dns)
  for _, wrong in ipairs { "", "x", dns .. "0", 12, {} } do
    assert(not uuid.validate(wrong))
    refused(errors.INVALID, "not a UUID", uuid.version(wrong))
    refused(errors.INVALID, "not a UUID", uuid.variant(wrong))
    refused(errors.INVALID, "not a UUID", uuid.parse(wrong))
    refused(errors.INVALID, "not a UUID", uuid.format(wrong, "urn"))
  end
  assert(not uuid.validate())
  refused(errors.INVALID, "format", uuid.format(dns, "other"))
  refused(errors.INVALID, "format", uuid.format(dns))
  assert(uuid.variant("00000000-0000-0000-0000-000000000000") == "NCS")
  assert(uuid.variant("00000000-0000-0000-c000-000000000000") == "Microsoft")
  assert(uuid.variant("00000000-0000-0000-e000-000000000000") == "Future")
end

do -- env
  assert(env.get("PATH") == os.getenv("PATH"))
  refused(errors.NOT_FOUND, "MOONLET_NO_SUCH", env.get("MOONLET_NO_SUCH"))
  refused(errors.INVALID, "empty", env.get(""))
  refused(errors.INVALID, "empty", env.set("", "x"))
  refused(errors.INVALID, "letters", env.get("a b"))
  refused(errors.INVALID, "letters", env.get("a:b"))
  refused(errors.INVALID, "letters", env.set("a=b", "x"))
  assert(not pcall(env.get) and not pcall(env.set, "X"))
  assert(env.set("MOONLET_TEST", "1") == true and env.get("MOONLET_TEST") == "1")
  assert(env.set("PATH", "mine") and env.get("PATH") == "mine" and os.getenv("PATH") ~= "mine")
  local all = env.get_all()
  assert(all.MOONLET_TEST == "1" and all.PATH == "mine")
  -- For all processes.
  local pid = process.spawn_monitored(function() return require("env").get("MOONLET_TEST") end, "app:host")
  assert(process.events():receive().result.value == "1")
end

do -- logger: what is below the level says nothing; the harness sees the others
  assert(select("#", logger:debug("not seen")) == 0)
  local child = assert(logger:with{a = 1})
  child:debug("not seen", {b = 2})
  assert(logger:named("x"):named("y"):debug("not seen") == nil)
  refused(errors.INVALID, "empty", logger:named(""))
  assert(not pcall(logger.info, logger) and not pcall(logger.with, logger, 1))
end

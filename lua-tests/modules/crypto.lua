-- The module `crypto` (modules.md §4.7).
local crypto, base64, uuid, time = require("crypto"), require("base64"), require("uuid"), require("time")
local keys = require("support.keys")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local function bytes(hex) return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)) end
local function hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

do -- random
  assert(#crypto.random.bytes(1) == 1 and #crypto.random.bytes(1 << 20) == 1 << 20)
  assert(crypto.random.bytes(16) ~= crypto.random.bytes(16))
  assert(crypto.random.string(200):match("^%w+$"))
  local counts = {}
  for c in crypto.random.string(30000, "abc"):gmatch(".") do counts[c] = (counts[c] or 0) + 1 end
  for _, c in ipairs { "a", "b", "c" } do assert(counts[c] > 9000 and counts[c] < 11000, c) end
  assert(utf8.len(crypto.random.string(10, "äöü€")) == 10)
  assert(crypto.random.string(3, "\xff") == "\xff\xff\xff")
  local id = crypto.random.uuid()
  assert(uuid.version(id) == 4 and id ~= crypto.random.uuid())
  for _, make in ipairs { crypto.random.bytes, crypto.random.string } do
    for _, n in ipairs { 0, -1, (1 << 20) + 1, math.maxinteger } do refused(errors.INVALID, "between 1 and", make(n)) end
    assert(not pcall(make) and not pcall(make, {}))
  end
  refused(errors.INVALID, "empty", crypto.random.string(3, ""))
end

do -- keyed digests: RFC 4231, test case 2
  assert(crypto.hmac.sha256("Jefe", "what do ya want for nothing?")
    == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  assert(crypto.hmac.sha512("Jefe", "what do ya want for nothing?")
    == "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    .. "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737")
  for _, hmac in pairs(crypto.hmac) do
    refused(errors.INVALID, "empty key", hmac("", "data"))
    assert(not pcall(hmac, "key") and not pcall(hmac, nil, "data"))
  end
end

do -- ciphers: the proposal of GCM, test cases 4, 10 and 16; RFC 8439 §2.8.2
  local nonce, aad = "cafebabefacedbaddecaf888", bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
  local text = bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    .. "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
  local half = "feffe9928665731c"
  for key, encrypted in pairs {
    [half .. "6d6a8f9467308308"] = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c"
      .. "7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    [half .. "6d6a8f9467308308" .. half] = "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00"
      .. "c144c525ac619d18c84a3f4718e2448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c",
    [half .. "6d6a8f9467308308" .. half .. "6d6a8f9467308308"] = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c975"
      .. "98a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
  } do
    assert(crypto.decrypt.aes(bytes(nonce .. encrypted), bytes(key), aad) == text)
  end
  local key, encrypted = "", bytes("070000004041424344454647"
    .. "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e06"
    .. "0b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d265"
    .. "86cec64b61161ae10b594f09e26a7e902ecbd0600691")
  for i = 0x80, 0x9f do key = key .. string.char(i) end
  assert(crypto.decrypt.chacha20(encrypted, key, bytes("50515253c0c1c2c3c4c5c6c7")) == "Ladies and Gentlemen of the class "
    .. "of '99: If I could offer you only one tip for the future, sunscreen would be it.")

  for name, lengths in pairs { aes = { 16, 24, 32 }, chacha20 = { 32 } } do
    local encrypt, decrypt = crypto.encrypt[name], crypto.decrypt[name]
    for _, length in ipairs(lengths) do
      local key = crypto.random.bytes(length)
      for _, data in ipairs { "", "x", ("\0data"):rep(1000) } do
        local encrypted = encrypt(data, key, "with")
        assert(#encrypted == 12 + #data + 16 and encrypted ~= encrypt(data, key, "with"))
        assert(decrypt(encrypted, key, "with") == data)
        refused(errors.INTERNAL, "authentication failed", decrypt(encrypted, key, "without"))
        refused(errors.INTERNAL, "authentication failed", decrypt(encrypted, key))
        refused(errors.INTERNAL, "authentication failed", decrypt(encrypted .. "x", key, "with"))
        refused(errors.INTERNAL, "authentication failed", decrypt(encrypted, crypto.random.bytes(length), "with"))
      end
      assert(decrypt(encrypt("x", key), key) == "x")
      refused(errors.INVALID, "shorter", decrypt(("x"):rep(27), key))
    end
    refused(errors.INVALID, "the key must have", encrypt("x", ("k"):rep(17)))
    refused(errors.INVALID, "the key must have", decrypt(("x"):rep(40), ""))
    assert(not pcall(encrypt, "x") and not pcall(decrypt, nil, "x") and not pcall(encrypt, "x", "k", {}))
  end
end

do -- tokens: RFC 7515, appendices A.1 and A.2, which have expired in 2011
  local payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
  local function url_decode(text) return base64.decode((text:gsub("%-", "+"):gsub("_", "/")) .. ("="):rep(-#text % 4)) end
  local secret = url_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
  local keyed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." .. payload .. ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
  local signed = "eyJhbGciOiJSUzI1NiJ9." .. payload
    .. ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr"
    .. "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
    .. "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
  for _, claims in ipairs {
    crypto.jwt.verify(keyed, secret, "HS256", false) or false,
    crypto.jwt.verify(signed, keys.rfc7515, "RS256", false) or false,
  } do
    assert(claims.iss == "joe" and claims.exp == 1300819380 and claims["http://example.com/is_root"] == true)
  end
  refused(errors.INTERNAL, "expired", crypto.jwt.verify(keyed, secret))
  refused(errors.INTERNAL, "expired", crypto.jwt.verify(signed, keys.rfc7515, "RS256", true))

  local now = os.time()
  local function verified(claims, key, other_key, ...)
    local token = assert(crypto.jwt.encode(claims, key, ...))
    return crypto.jwt.verify(token, other_key or key, ...)
  end
  for _, alg in ipairs { "HS256", "HS384", "HS512" } do
    local claims = assert(verified({ sub = "me", exp = now + 60, list = { 1, 2 } }, "secret", nil, alg))
    assert(claims.sub == "me" and claims.exp == now + 60 and claims.list[2] == 2)
    refused(errors.INTERNAL, "signature", verified({ exp = now + 60 }, "secret", "other", alg))
    refused(errors.INVALID, "empty key", crypto.jwt.encode({}, "", alg))
  end
  for _, private in ipairs { keys.pkcs8, keys.pkcs1 } do
    assert(verified({ sub = "me", exp = now + 60 }, private, keys.public, "RS256").sub == "me")
    refused(errors.INTERNAL, "signature", verified({ exp = now + 60 }, private, keys.rfc7515, "RS256"))
  end
  refused(errors.INVALID, "private RSA key", crypto.jwt.encode({}, keys.public, "RS256"))
  refused(errors.INVALID, "public RSA key", crypto.jwt.verify(signed, "secret", "RS256"))

  -- The header, and who decides about the algorithm.
  local function header_of(token) return url_decode(token:match("^[^.]+")) end
  local token = crypto.jwt.encode({ exp = now + 60, _header = { kid = "one", alg = "none" } }, "secret")
  local header = header_of(token)
  assert(header:find('"kid":"one"', 1, true) and header:find('"alg":"HS256"', 1, true) and header:find('"typ":"JWT"', 1, true))
  local claims = crypto.jwt.verify(token, "secret")
  assert(claims.exp == now + 60 and claims._header == nil)
  refused(errors.INTERNAL, "another algorithm", crypto.jwt.verify(token, "secret", "HS512"))
  refused(errors.INTERNAL, "another algorithm", crypto.jwt.verify(signed, keys.rfc7515, "HS256", false))
  local unsigned = "eyJhbGciOiJub25lIn0." .. payload .. "."
  refused(errors.INTERNAL, "another algorithm", crypto.jwt.verify(unsigned, "secret", "HS256", false))
  refused(errors.INVALID, "the algorithm must be", crypto.jwt.verify(unsigned, "secret", "none", false))
  refused(errors.INVALID, "the algorithm must be", crypto.jwt.encode({}, "secret", "none"))
  local critical = crypto.jwt.encode({ exp = now + 60, _header = { crit = { "b64" }, b64 = false } }, "secret")
  refused(errors.INTERNAL, "extensions", crypto.jwt.verify(critical, "secret"))

  -- Times.
  assert(verified({}, "secret") == nil)
  refused(errors.INTERNAL, "exp", verified({ sub = "me" }, "secret"))
  refused(errors.INTERNAL, "expired", verified({ exp = now - 1 }, "secret"))
  refused(errors.INTERNAL, "expired", verified({ exp = "tomorrow" }, "secret"))
  refused(errors.INTERNAL, "not valid yet", verified({ exp = now + 60, nbf = now + 30 }, "secret"))
  assert(verified({ exp = now + 60.5, nbf = now - 1 }, "secret"))
  token = crypto.jwt.encode({}, "secret")
  assert(next(crypto.jwt.verify(token, "secret", "HS256", false)) == nil)
  token = crypto.jwt.encode({ nbf = now + 30 }, "secret")
  refused(errors.INTERNAL, "not valid yet", crypto.jwt.verify(token, "secret", nil, false))

  -- What is no token, and what are no claims.
  for _, text in ipairs { "", "a", "a.b", "a.b.c", keyed .. ".x", "W10." .. payload .. ".eA", "e30.###." } do
    local value, err = crypto.jwt.verify(text, "secret")
    assert(value == nil and (errors.is(err, errors.INVALID) or err:message():find("algorithm")), text)
  end
  refused(errors.INVALID, "not a token", crypto.jwt.verify("a.b", "secret"))
  refused(errors.INVALID, "names", crypto.jwt.encode({ 1, 2 }, "secret"))
  local circle = {}
  circle.circle = circle
  refused(errors.INVALID, "recursive", crypto.jwt.encode(circle, "secret"))
  refused(errors.INVALID, "_header", crypto.jwt.encode({ _header = 1 }, "secret"))
  assert(not pcall(crypto.jwt.encode, "claims", "secret") and not pcall(crypto.jwt.encode, {}))
  assert(not pcall(crypto.jwt.verify, keyed) and not pcall(crypto.jwt.verify, keyed, secret, {}))
end

do -- keys from passwords: RFC 7914 §11; the last is what other implementations say
  assert(hex(crypto.pbkdf2("passwd", "salt", 1, 64)) == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
    .. "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")
  -- Off the workers.
  assert(hex(crypto.pbkdf2("Password", "NaCl", 80000, 64)) == "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    .. "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d")
  assert(hex(crypto.pbkdf2("password", "salt", 3, 100, "sha512")) == "b6b07cb2cebf4ad84468391a543824fccffe0e0769dbe6bddf10a65673"
    .. "c4b648e612d44918f9ce9a19a1294cf5140628084ba994c3b21a4ef4741220b811c633cfc0641fccbcc4164f1bbfcb1f33f595ae9aa4a33ddcce5701"
    .. "57775980362c0ee28aa340")
  refused(errors.INVALID, "empty", crypto.pbkdf2("", "salt", 1, 32))
  refused(errors.INVALID, "empty", crypto.pbkdf2("password", "", 1, 32))
  refused(errors.INVALID, "iterations", crypto.pbkdf2("password", "salt", 0, 32))
  refused(errors.INVALID, "iterations", crypto.pbkdf2("password", "salt", 10000001, 32))
  refused(errors.INVALID, "length", crypto.pbkdf2("password", "salt", 1, 0))
  refused(errors.INVALID, "length", crypto.pbkdf2("password", "salt", 1, 1025))
  refused(errors.INVALID, "hash", crypto.pbkdf2("password", "salt", 1, 32, "md5"))
  assert(not pcall(crypto.pbkdf2, "password", "salt", 1) and not pcall(crypto.pbkdf2, {}, "salt", 1, 1))
  -- A process that ends does not wait for its derivation, and neither does the program.
  local pid = process.spawn_monitored(function() crypto.pbkdf2("password", "salt", 10000000, 1024) end, "app:host")
  time.sleep("10ms")
  process.terminate(pid)
  assert(process.events():receive().kind == process.event.EXIT)
end

do -- comparing
  assert(crypto.constant_time_compare("", "") and crypto.constant_time_compare("same", "same"))
  assert(not crypto.constant_time_compare("same", "sane") and not crypto.constant_time_compare("same", "same "))
  assert(not pcall(crypto.constant_time_compare, "x") and not pcall(crypto.constant_time_compare, "x", {}))
end

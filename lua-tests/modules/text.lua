-- The module `text` (modules.md §4.11).
local text = require("text")

local function refused(kind, part, value, err)
  assert(value == nil, tostring(value))
  assert(errors.is(err, kind), tostring(err))
  assert(err:message():find(part, 1, true), err:message())
end

local function same(found, expected)
  if type(expected) ~= "table" then return assert(found == expected, ("%s instead of %s"):format(found, expected)) end
  assert(type(found) == "table", tostring(found))
  for key, value in pairs(expected) do same(found[key], value) end
  for key in pairs(found) do assert(expected[key] ~= nil, tostring(key)) end
end

do -- regular expressions
  local function re(pattern) return assert(text.regexp.compile(pattern)) end
  local word = re([[(\w+)@(?P<host>\w+)]])
  assert(word:match_string("me@home") and not word:match_string("me at home"))
  assert(word:string() == [[(\w+)@(?P<host>\w+)]] and word:num_subexp() == 2)
  same(word:subexp_names(), { "", "", "host" })
  assert(word:find_string("x me@home you@work") == "me@home" and word:find_string("nobody") == nil)
  same(word:find_all_string("me@home you@work"), { "me@home", "you@work" })
  same(word:find_all_string("me@home you@work", 1), { "me@home" })
  same(word:find_all_string("me@home you@work", 0), {})
  same(word:find_all_string("me@home you@work", -1), { "me@home", "you@work" })
  same(word:find_all_string("nobody"), {})
  same(word:find_string_submatch("me@home"), { "me@home", "me", "home" })
  assert(word:find_string_submatch("nobody") == nil)
  same(re("(a)|(b)"):find_string_submatch("b"), { "b", "", "b" })
  same(word:find_all_string_submatch("me@home you@work"), { { "me@home", "me", "home" }, { "you@work", "you", "work" } })
  same(word:find_all_string_submatch("nobody"), {})
  local s = "ä me@home"
  local p = word:find_string_index(s)
  same(p, { 4, 10 })
  assert(s:sub(p[1], p[2]) == "me@home" and word:find_string_index("nobody") == nil)
  same(word:find_all_string_index("a@b c@d"), { { 1, 3 }, { 5, 7 } })
  same(word:find_all_string_index("a@b c@d", 1), { { 1, 3 } })
  assert(word:find_all_string_index("nobody") == nil)
  same(re("x*"):find_all_string_index("axb"), { { 1, 0 }, { 2, 2 }, { 4, 3 } })
  same(re(""):find_all_string_index("ä"), { { 1, 0 }, { 3, 2 } })
  assert(word:replace_all_string("me@home, you@work", "$2:${1}! $$ ${host}") == "home:me! $ home, work:you! $ work")
  assert(re("b"):replace_all_string("abcb", "") == "ac" and re("z"):replace_all_string("abc", "x") == "abc")
  assert(re(""):replace_all_string("äb", "-") == "-ä-b-")
  same(re(","):split("a,b,c"), { "a", "b", "c" })
  same(re(","):split("a,b,c", 2), { "a", "b,c" })
  same(re(","):split("a,b,c", 0), {})
  same(re(","):split("a,b,c", -1), { "a", "b", "c" })
  same(re(","):split(""), { "" })
  same(re(","):split(",a,"), { "", "a", "" })
  same(re(""):split("aäb"), { "a", "ä", "b" })
  same(re(""):split("aäb", 2), { "a", "äb" })
  same(re("x+"):split("no"), { "no" })
  -- Bytes that are no characters do no harm.
  assert(re("b"):find_string("\xff\xfeb") == "b" and re("(?s)^.$"):match_string("\xff") == false)
  -- ASCII classes, as in RE2.
  assert(re([[^\d+$]]):match_string("12") and not re([[^\d+$]]):match_string("١٢"))
  assert(re([[(?i)^ÄB$]]):match_string("äb") and re([[^\pL+$]]):match_string("жä"))
  -- Linear time.
  assert(not re("^(a+)+$"):match_string(("a"):rep(5000) .. "b"))
  for _, pattern in ipairs { "(", "[", "*", [[\1]], "(?<=a)b", "a{2,1}", "\xff" } do
    refused(errors.INVALID, "regex", text.regexp.compile(pattern))
  end
  assert(not pcall(text.regexp.compile) and not pcall(word.match_string, word) and not pcall(word.match_string, {}, "x"))
  assert(not pcall(word.replace_all_string, word, "x"))
end

do -- differences
  local differ = assert(text.diff.new())
  local diffs = differ:compare("the cat sat", "the fat cat")
  local before, after = {}, {}
  for _, diff in ipairs(diffs) do
    if diff.operation ~= "insert" then before[#before + 1] = diff.text end
    if diff.operation ~= "delete" then after[#after + 1] = diff.text end
  end
  assert(table.concat(before) == "the cat sat" and table.concat(after) == "the fat cat")
  same(differ:compare("", ""), {})
  same(differ:compare("ä", "ä"), { { operation = "equal", text = "ä" } })
  same(differ:compare("", "new"), { { operation = "insert", text = "new" } })
  same(differ:compare("aäb", "aöb"), {
    { operation = "equal", text = "a" }, { operation = "delete", text = "ä" },
    { operation = "insert", text = "ö" }, { operation = "equal", text = "b" },
  })
  same(differ:summarize(differ:compare("aäb", "aöb")), { equals = 2, deletions = 1, insertions = 1 })
  local change = differ:compare("a<b", "a>b")
  assert(differ:pretty_html(change) == "a<del>&lt;</del><ins>&gt;</ins>b")
  assert(differ:pretty_text(change) == "a\27[31m<\27[0m\27[32m>\27[0mb")
  -- Long texts, off the workers.
  local lines = {}
  for i = 1, 500 do lines[i] = "line " .. i * 7919 % 1000 end
  local long = table.concat(lines, "\n")
  lines[100], lines[300] = "changed", "changed too"
  local changed = table.concat(lines, "\n")
  local summary = differ:summarize(differ:compare(long, changed))
  assert(summary.equals > #long - 40 and summary.deletions > 0 and summary.insertions > 0)
  refused(errors.INVALID, "operation", differ:summarize({ { operation = "other", text = "x" } }))
  refused(errors.INVALID, "no text", differ:pretty_text({ { operation = "equal" } }))
  refused(errors.INVALID, "no table", differ:pretty_html({ 1 }))
  assert(not pcall(differ.compare, differ, "a") and not pcall(differ.summarize, differ) and not pcall(differ.compare))
  for _, options in ipairs { { match_threshold = 2 }, { diff_timeout = -1 }, { patch_margin = "wide" }, { match_distance = 0 / 0 } } do
    local name = next(options)
    refused(errors.INVALID, name, text.diff.new(options))
  end
  refused(errors.INVALID, "options", text.diff.new(1))

  -- Patches: plain tables.
  local patches = assert(differ:patch_make(long, changed))
  assert(#patches == 2 and patches[1].start1 == patches[1].start2 and patches[1].diffs[1].operation == "equal")
  local patched, all = differ:patch_apply(patches, long)
  assert(patched == changed and all == true)
  patched, all = differ:patch_apply(patches, "A line before.\n" .. long)
  assert(patched == "A line before.\n" .. changed and all == true)
  patched, all = differ:patch_apply(patches, "something else altogether")
  assert(patched == "something else altogether" and all == false)
  patched, all = differ:patch_apply({}, "text")
  assert(patched == "text" and all == true)
  local small = differ:patch_make("one two three", "one 2 three")
  patched, all = differ:patch_apply(small, "one two three four")
  assert(patched == "one 2 three four" and all)
  assert(select(2, text.diff.new({ match_threshold = 0 }):patch_apply(small, "1 two 3")) == false)
  local json = require("json")
  assert(differ:patch_apply(json.decode(json.encode(small)), "one two three") == "one 2 three")
  local nothing, no, err = differ:patch_apply(json.decode("[1]"), "text")
  assert(nothing == nil and no == false and errors.is(err, errors.INVALID))
  nothing, no, err = differ:patch_apply({ { start1 = 0, start2 = 1, diffs = {} } }, "text")
  assert(nothing == nil and no == false and errors.is(err, errors.INVALID))
  assert(not pcall(differ.patch_make, differ, "a") and not pcall(differ.patch_apply, differ, {}))
end

do -- splitters
  local splitter = assert(text.splitter.recursive({ chunk_size = 12, chunk_overlap = 0 }))
  same(splitter:split_text("one two\n\nthree four\n\nfive"), { "one two", "three four", "five" })
  same(splitter:split_text(""), {})
  same(text.splitter.recursive({ chunk_size = 9, chunk_overlap = 4 }):split_text("one two three four"),
    { "one two", "two three", "four" })
  local options = { chunk_size = 8, chunk_overlap = 0, separators = { ";" }, keep_separator = true }
  same(text.splitter.recursive(options):split_text("one;two;three"), { "one;two", ";three" })
  -- The overlap that is not given is smaller than the size.
  assert(#text.splitter.recursive({ chunk_size = 50 }):split_text(("word "):rep(100)) > 10)
  assert(#text.splitter.recursive():split_text(("word "):rep(100)) == 1)
  same(splitter:split_batch({ { content = "one two\n\nthree four", metadata = { id = 1 } }, { content = "five" } }), {
    { content = "one two", metadata = { id = 1 } }, { content = "three four", metadata = { id = 1 } }, { content = "five" },
  })
  local metadata = { id = 1 }
  local copies = splitter:split_batch({ { content = "one two\n\nthree four", metadata = metadata } })
  assert(copies[1].metadata ~= metadata and copies[1].metadata ~= copies[2].metadata)

  local document = "# One\n\nText.\n\n## Two\n\n```lua\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n[link][l]\n\n[l]: http://a/b\n"
  same(text.splitter.markdown():split_text(document), {
    "# One\nText.", "## Two\n| a | b |\n|---|---|\n| 1 | 2 |", "## Two\n| a | b |\n|---|---|\n| 3 | 4 |", "## Two\n[link][l]",
  })
  options = { code_blocks = true, reference_links = true, heading_hierarchy = true, join_table_rows = true }
  same(text.splitter.markdown(options):split_text(document), {
    "# One\nText.", "# One\n## Two\n```lua\ncode\n```", "# One\n## Two\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
    "# One\n## Two\n[link](http://a/b)",
  })
  for _, new in ipairs { text.splitter.recursive, text.splitter.markdown } do
    refused(errors.INVALID, "chunk_size", new({ chunk_size = 0 }))
    refused(errors.INVALID, "chunk_overlap", new({ chunk_size = 10, chunk_overlap = 10 }))
    refused(errors.INVALID, "chunk_overlap", new({ chunk_overlap = -1 }))
    refused(errors.INVALID, "options", new(1))
  end
  refused(errors.INVALID, "separators", text.splitter.recursive({ separators = { 1 } }))
  refused(errors.INVALID, "code_blocks", text.splitter.markdown({ code_blocks = "yes" }))
  local markdown = assert(text.splitter.markdown({ chunk_size = 12, chunk_overlap = 0 }))
  same(markdown:split_batch({ { content = "# One\n\nText.", metadata = { id = 1 } }, { content = "five" } }), {
    { content = "# One\nText.", metadata = { id = 1 } }, { content = "five" },
  })
  for _, wrong in ipairs { splitter, markdown } do
    refused(errors.INVALID, "UTF-8", wrong:split_text("\xff"))
    refused(errors.INVALID, "UTF-8", wrong:split_batch({ { content = "\xff" } }))
    refused(errors.INVALID, "document at 2", wrong:split_batch({ { content = "x" }, { text = "x" } }))
    refused(errors.INVALID, "document at 1", wrong:split_batch({ "x" }))
  end
  assert(not pcall(splitter.split_text, splitter) and not pcall(splitter.split_batch, splitter, "x"))
end

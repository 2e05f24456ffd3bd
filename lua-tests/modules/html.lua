-- The module `html` (modules.md §4.17).
local html = require("html")

local function refused(kind, part, value, err)
  assert(value == nil and errors.is(err, kind) and err:message():find(part, 1, true), tostring(err))
end

-- What a policy makes of a text; doing it again changes nothing.
local function becomes(policy, text, expected)
  local clean = policy:sanitize(text)
  assert(clean == expected, clean .. "\nexpected " .. expected)
  assert(policy:sanitize(clean) == clean)
end

local function new() return assert(html.sanitize.new_policy()) end

do -- nothing is allowed
  for _, make in ipairs { html.sanitize.new_policy, html.sanitize.strict_policy } do
    local policy, err = make()
    assert(err == nil and type(policy) == "userdata")
    becomes(policy, "<p>a <b>b</b> &amp; c < d</p><!-- e -->", "a b &amp; c &lt; d")
    becomes(policy, "a<script>alert(1)</script>b<STYLE>c</sTyle >d<iframe src=x>e</iframe>f", "abdf")
    becomes(policy, "", "")
  end
end

do -- elements and attributes
  local policy = new()
  assert(policy:allow_elements("p", "B"):allow_elements("i") ~= nil)
  becomes(policy, "<p class=x>a<B>b<i>c</p><u>d</u>", "<p>a<b>b<i>c</i></b></p>d")
  local builder = policy:allow_attrs("class", "data-x")
  assert(builder:on_elements("p", "span"))
  becomes(policy, "<p class=x id=y>a</p><span DATA-X='\"'>b</span><i class=x>c</i>", "<p class=\"x\">a</p><span data-x=\"&quot;\">b</span><i>c</i>")
  assert(policy:allow_attrs("lang"):globally())
  becomes(policy, "<i lang=de>c</i>", "<i lang=\"de\">c</i>")

  -- Patterns: one of several has to match.
  builder = policy:allow_attrs("title")
  local same, err = builder:matching("^[a-z]+$")
  assert(err == nil and same:on_elements("b"))
  becomes(policy, "<b title=abc>1</b><b title=ABC>2</b><b title='a&#66;c'>3</b>", "<b title=\"abc\">1</b><b>2</b><b>3</b>")
  assert(policy:allow_attrs("title"):matching("^\\d$"):globally())
  becomes(policy, "<b title=abc>1</b><b title=5>2</b><i title=abc>3</i>", "<b title=\"abc\">1</b><b title=\"5\">2</b><i>3</i>")
  refused(errors.INVALID, "regex", policy:allow_attrs("x"):matching("("))
  refused(errors.INVALID, "regex", policy:allow_attrs("x"):matching("(?=a)"))
end

do -- what is code cannot be allowed
  local policy = new()
  policy:allow_elements("script", "style", "iframe", "svg", "object", "b", "a")
  policy:allow_attrs("onclick", "style", "srcdoc", "href"):globally()
  policy:allow_url_schemes("javascript", "data", "vbscript", "HTTP")
  becomes(policy, "<b onclick=x style=y>a</b><script>b</script><svg onload=x><b>c</b></svg>d", "<b>a</b>d")
  for _, url in ipairs {
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " &#1; javascript:alert(1)", "java&Tab;script:alert(1)", "java&#10;script:alert(1)",
    "javascript&colon;alert(1)", "&#106avascript:alert(1)", "&#x6A;avascript&#58;alert(1)", "vbscript:x", "data:text/html,x",
  } do
    becomes(policy, "<a href=\"" .. url .. "\">x</a>", "x")
  end
  becomes(policy, "<a href=http://host/>x</a>", "<a href=\"http://host/\">x</a>")
  becomes(policy, "<b <b onclick=x>y</b>", "<b>y</b>")
  becomes(policy, "<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;")
  becomes(policy, "<b title=\"<script>\">x", "<b>x</b>")
end

do -- URLs
  local policy = new()
  policy:allow_attrs("href"):on_elements("a")
  becomes(policy, "<a href=x>1</a><a href=https://h>2</a>", "12")
  policy:allow_relative_urls(true)
  becomes(policy, "<a href='x y'>1</a><a href=https://h>2</a>", "<a href=\"x y\">1</a>2")
  policy:require_parseable_urls(true)
  becomes(policy, "<a href='x y'>1</a><a href=x?y=1&amp;z>2</a>", "1<a href=\"x?y=1&amp;z\">2</a>")
  policy:require_parseable_urls(false):allow_relative_urls(false):allow_url_schemes("https", "tel")
  becomes(policy, "<a href=x>1</a><a href=https://h>2</a><a href=TEL:1>3</a>", "1<a href=\"https://h\">2</a><a href=\"TEL:1\">3</a>")

  policy = new():allow_standard_urls()
  policy:allow_attrs("href", "rel"):on_elements("a")
  becomes(policy, "<a href=mailto:a@b>1</a><a href=ftp://h>2</a>", "<a href=\"mailto:a@b\" rel=\"nofollow\">1</a>2")
  policy:require_nofollow_on_links(false):require_noreferrer_on_links(true)
  becomes(policy, "<a href=/ rel=me>1</a>", "<a href=\"/\" rel=\"me noreferrer\">1</a>")
  policy:require_noreferrer_on_links(false):add_target_blank_to_fully_qualified_links(true)
  becomes(policy, "<a href=/>1</a><a href=//h/>2</a>", "<a href=\"/\">1</a><a href=\"//h/\" target=\"_blank\" rel=\"noopener\">2</a>")
end

do -- images, lists, tables, attributes
  local image = "<img src=\"data:image/png;base64,iVBORw0KGgo=\">"
  local policy = new():allow_images()
  becomes(policy, "<img src=a.png width=10 height=5% alt='a b' align=left border=1>", "<img src=\"a.png\" width=\"10\" height=\"5%\" alt=\"a b\" align=\"left\">")
  becomes(policy, "<img src=x width=wide><img onerror=x>" .. image, "<img src=\"x\">")
  policy:allow_data_uri_images()
  becomes(policy, image .. "<img src='data:image/svg+xml;base64,AAAA'>", image)

  policy = new():allow_lists()
  becomes(policy, "<ul type=disc><li>1<li value=2>2</ul><dl><dt>a<dd>b</dl>", "<ul type=\"disc\"><li>1</li><li value=\"2\">2</li></ul><dl><dt>a</dt><dd>b</dd></dl>")
  policy = new():allow_tables()
  becomes(policy, "<table summary=s><tr><td colspan=2 align=left>1<th scope=row>2</table>", "<table summary=\"s\"><tr><td colspan=\"2\" align=\"left\">1</td><th scope=\"row\">2</th></tr></table>")
  becomes(policy, "<td colspan=many>1", "<td>1</td>")
  policy = new():allow_elements("b"):allow_standard_attributes()
  becomes(policy, "<b dir=rtl lang=de id=x title='y z' class=w>1</b>", "<b dir=\"rtl\" lang=\"de\" id=\"x\" title=\"y z\">1</b>")
  becomes(policy, "<b dir=up lang='&' id='a b'>1</b>", "<b>1</b>")
end

do -- what users write
  local policy, err = html.sanitize.ugc_policy()
  assert(err == nil)
  becomes(policy, "<h1>T</h1><p onclick=x>a <em>b</em><br/><a href='http://h/?a=1&b=2'>c</a><form><input></form>",
    "<h1>T</h1><p>a <em>b</em><br><a href=\"http://h/?a=1&amp;b=2\" rel=\"nofollow\">c</a></p>")
  becomes(policy, "<blockquote cite=javascript:x>a</blockquote><q cite=/x>b</q>", "<blockquote>a</blockquote><q cite=\"/x\">b</q>")
  -- Much of it, and bytes of all kinds.
  assert(#policy:sanitize(("<b>"):rep(100000)) < 10000)
  local all = {}
  for i = 0, 255 do all[#all + 1] = string.char(i) end
  local clean = policy:sanitize(table.concat(all))
  assert(utf8.len(clean) and not clean:find("[<>\"']"))
end

do -- misuse
  local policy = new()
  for _, name in ipairs { "allow_relative_urls", "require_parseable_urls", "require_nofollow_on_links", "require_noreferrer_on_links",
    "add_target_blank_to_fully_qualified_links" } do
    assert(not pcall(policy[name], policy) and not pcall(policy[name], policy, 1), name)
  end
  assert(not pcall(policy.sanitize, policy) and not pcall(policy.sanitize, {}, "x") and not pcall(policy.allow_elements, policy, {}))
  assert(not pcall(policy:allow_attrs("x").matching, policy, "x"))
  assert(not pcall(function() (html.sanitize :: any).new_policy = nil end))
end

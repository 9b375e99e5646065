-- An application for browsers. The session decides who the user is.
--
--   /in?user=joe     logs in, and leads to the folder of this page
--   /out             logs out
--   /redirect?URL    leads to a URL, as a page of another site
--   /form?URL        has a form, which it posts to a URL
--   /link?URL        has a link to a URL
--   /                and all others: what the request brought, in lines
--
-- Each is also below any folder.

local function page(r, body)
    r.content_type = "text/html"
    -- Without an icon, a browser asks for one whenever it likes.
    r:puts('<!doctype html><title>page</title><link rel="icon" href="data:,">' .. body)
    return apache2.OK
end

local function lead(r, url)
    r.headers_out["Location"] = url
    r.status = 303
    return apache2.OK
end

local function tell(r)
    r.headers_out["Cache-Control"] = "no-store"
    local names, lines = {}, {}
    for name in (r.headers_in["Cookie"] or ""):gmatch("([^=; ]+)=[^;]*") do
        names[#names + 1] = name
    end
    for _, line in ipairs({
        { "user", (r.subprocess_env["HTTP_SESSION"] or ""):match("user=([^&]*)") },
        { "device", r.subprocess_env["SESSION_DEVICE"] },
        { "skipped", r.headers_in["Secure-Session-Skipped"] },
        { "cookies", table.concat(names, " ") },
        { "protocol", r.protocol },
        { "method", r.method },
        { "body", r.method == "POST" and r:requestbody() or "" },
    }) do
        lines[#lines + 1] = line[1] .. ": " .. r:escape_html(line[2] or "")
    end
    return page(r, "<pre>\n" .. table.concat(lines, "\n") .. "\n</pre>")
end

function handle(r)
    local args = r.args or ""
    local folder, name = r.uri:match("^(.*/)([^/]*)$")
    if name == "in" then
        r.headers_out["X-S"] = args
        return lead(r, folder)
    elseif name == "out" then
        r.headers_out["X-S"] = "user="
        return tell(r)
    elseif name == "redirect" then
        return lead(r, args)
    elseif name == "form" then
        return page(r, '<form method="post" action="' .. args .. '"><button name="a" value="b">there</button></form>')
    elseif name == "link" then
        return page(r, '<a href="' .. args .. '">there</a>')
    end
    return tell(r)
end

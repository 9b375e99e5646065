-- The application of a farm. Its body is the user of the session, and a count that the session
-- has; the request header X-Count has a new one.
function handle(r)
    local session = r.subprocess_env["HTTP_SESSION"] or ""
    local user = session:match("farm%-user=([^&]*)") or ""
    local count = session:match("count=(%d+)") or "0"
    local wanted = r.headers_in["X-Count"]
    if wanted and user ~= "" then
        local rest = session:gsub("&?count=%d+", ""):gsub("&?expiry=%d+", ""):gsub("^&", "")
        r.headers_out["X-Session"] = rest .. "&count=" .. wanted
    end
    r.content_type = "text/plain"
    r:puts(user .. " " .. count)
    return apache2.OK
end

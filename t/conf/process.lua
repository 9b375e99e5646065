-- Sets the session from the request header X-S, like echo.lua, and prints the pid of
-- the process that answers. The session that came with the request is in a header.
function handle(r)
    r.headers_out["X-S"] = r.headers_in["X-S"]
    r.headers_out["X-Found"] = r.subprocess_env["HTTP_SESSION"] or ""
    r.content_type = "text/plain"
    local file = io.open("/proc/self/stat")
    r:puts(file:read("*n"))
    file:close()
    return apache2.OK
end

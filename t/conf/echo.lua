-- Sets the session from the request header X-S (through the response header that
-- SessionHeader names), and prints the session that came with the request.
function handle(r)
    local session = r.headers_in["X-S"]
    if session then
        r.headers_out["X-S"] = session
    end
    r.content_type = "text/plain"
    r:puts(r.subprocess_env["HTTP_SESSION"] or "")
    return apache2.OK
end

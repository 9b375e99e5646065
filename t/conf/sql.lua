-- Runs the SQL statement of the request header X-Sql, and prints each row as a line. So
-- a test sees the database itself, and not mod_session's view of it.
function handle(r)
    r.content_type = "text/plain"
    local db, err = r:dbacquire("mod_dbd")
    if err then
        r:puts("error: " .. err)
        return apache2.OK
    end
    local statement = r.headers_in["X-Sql"]
    if statement:match("^select") then
        local result = db:select(r, statement)
        for _, row in ipairs(result(0)) do
            r:puts(table.concat(row, "|") .. "\n")
        end
    else
        db:query(r, statement)
    end
    db:close()
    return apache2.OK
end

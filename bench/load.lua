-- wrk: sends the Cookie headers of a file in turn, and reports as one JSON line.
-- Arguments: the file, one header value on each line; then the method, if it is not GET, and
-- names and values of other headers.
--
-- With a single cookie, wrk itself sends one prepared request. With several, the
-- function `request` sends them; these too are prepared before the clock starts.

local prepared = {}

function init(args)
   wrk.method = args[2] or "GET"
   for i = 3, #args, 2 do
      wrk.headers[args[i]] = args[i + 1]
   end
   local cookies = {}
   for line in io.lines(args[1]) do
      cookies[#cookies + 1] = line
   end
   if #cookies == 1 then
      wrk.headers["Cookie"] = cookies[1]
      return
   end
   for i, cookie in ipairs(cookies) do
      prepared[i] = wrk.format("GET", wrk.path, { Cookie = cookie })
   end
   local at, count = 0, #prepared
   request = function()
      at = at % count + 1
      return prepared[at]
   end
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '\nRESULT {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"bad_status":%d,"broken":%d,"closed":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      e.status, e.connect + e.write + e.timeout, e.read))
end

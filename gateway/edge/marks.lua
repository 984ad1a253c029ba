-- FILTER, REQUEST_ID and ASKED (headers) and PROBLEM_TYPE are written above this file when the edge starts.

-- Takes a caller's X-Request-ID over where it is a UUID. Anything else could be a name or a number that must stand in no
-- log line and come back in no header (N5); Envoy has made one in its place already.

local HEX8, HEX4, HEX12 = string.rep("%x", 8), string.rep("%x", 4), string.rep("%x", 12)
local UUID = "^" .. table.concat({ HEX8, HEX4, HEX4, HEX4, HEX12 }, "%-") .. "$"

function envoy_on_request(handle)
  local headers = handle:headers()
  local asked = headers:get(ASKED)
  headers:remove(ASKED)
  if asked and string.find(asked, UUID) then headers:replace(REQUEST_ID, string.lower(asked)) end
  handle:streamInfo():dynamicMetadata():set(FILTER, REQUEST_ID, headers:get(REQUEST_ID))
end

-- A problem that Envoy words has no trace id yet: Envoy does not know it where it words it.
function envoy_on_response(handle)
  local headers = handle:headers()
  local trace_id = headers:get("x-trace-id")
  if not trace_id or headers:get("content-type") ~= PROBLEM_TYPE then return end
  local body = handle:body(true)
  local text = body:getBytes(0, body:length())
  body:setBytes((string.gsub(text, '"trace_id":""', '"trace_id":"' .. trace_id .. '"', 1)))
end

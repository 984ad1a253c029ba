-- FILTER, REQUEST_ID and ASKED (headers) and PROBLEM_TYPE are written above this file when the edge starts.

-- Takes a caller's X-Request-ID over where it is a UUID. Anything else could be a name or a number that must stand in no
-- log line and come back in no header (N5); Envoy has made one in its place already.

local HEX8, HEX4, HEX12 = string.rep("%x", 8), string.rep("%x", 4), string.rep("%x", 12)
local COLON = 58
local UUID = "^" .. table.concat({ HEX8, HEX4, HEX4, HEX4, HEX12 }, "%-") .. "$"

-- What HTTP lets a value be and gRPC does not: the policy service could not read it, and would log an error.
local function leave_behind(headers)
  local unreadable = {}
  for name, value in pairs(headers) do
    if string.find(value, "[^\t -~]") and string.byte(name) ~= COLON then unreadable[#unreadable + 1] = name end
  end
  for _, name in ipairs(unreadable) do headers:remove(name) end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  leave_behind(headers)
  local asked = headers:get(ASKED)
  headers:remove(ASKED)
  if asked and string.find(asked, UUID) then headers:replace(REQUEST_ID, string.lower(asked)) end
  handle:streamInfo():dynamicMetadata():set(FILTER, REQUEST_ID, headers:get(REQUEST_ID))
end

-- A letter as it is read, for the escape that carried it through a header; all of ours are two bytes or three.
local function letter(escape)
  local code = tonumber(escape, 16)
  local last = string.char(128 + code % 64)
  if code < 2048 then return string.char(192 + math.floor(code / 64)) .. last end
  return string.char(224 + math.floor(code / 4096), 128 + math.floor(code / 64) % 64) .. last
end

-- A problem that Envoy words has no trace id yet: Envoy does not know it where it words it.
function envoy_on_response(handle)
  local headers = handle:headers()
  local trace_id = headers:get("x-trace-id")
  if not trace_id or headers:get("content-type") ~= PROBLEM_TYPE then return end
  local body = handle:body(true)
  local text = body:getBytes(0, body:length())
  text = string.gsub(text, '"trace_id":""', '"trace_id":"' .. trace_id .. '"', 1)
  body:setBytes((string.gsub(text, "\\u(%x%x%x%x)", letter)))
end

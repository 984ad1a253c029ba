-- Refuses a JSON request that is not exactly one of its method, before the transcoder sees it: the transcoder
-- drops unknown fields in silence, takes the last of two equal ones, and lets a URL's query override the body.
-- RULES (by verb and path), SHAPES (by message), TEXTS and the like are written above this file when the edge starts;
-- texts are in it as they stand within a text of JSON.
-- No text that is answered holds anything the caller sent (N5).

local byte, find, sub = string.byte, string.find, string.sub

local QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
local OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET = 123, 125, 91, 93

local BYTE_ORDER_MARK = "\239\187\191"
local UTF8 = {
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

local function refuse(message, status)
  error({ message = message, status = status or "400" }, 0)
end

local function malformed(position)
  refuse(TEXTS.not_json_at .. position .. TEXTS.not_json_remedy)
end

local function skip_space(text, position)
  return find(text, "[^ \t\r\n]", position) or #text + 1
end

local function require_utf8(text)
  local position = find(text, "[\128-\255]")
  while position do
    local stop
    for _, pattern in ipairs(UTF8) do
      _, stop = find(text, pattern, position)
      if stop then break end
    end
    if not stop then malformed(position) end
    position = find(text, "[\128-\255]", stop + 1)
  end
end

-- Each scanner takes the position of the first character of a value and returns the one after its last.

local function scan_unicode_escape(text, position)
  if find(text, "^u[dD][89abAB]%x%x\\u[dD][c-fC-F]%x%x", position) then return position + 11 end
  if find(text, "^u%x%x%x%x", position) and not find(text, "^u[dD][89a-fA-F]", position) then return position + 5 end
  malformed(position)
end

local function scan_string(text, position)
  local stop = position + 1
  while true do
    stop = find(text, '["\\%z\1-\31]', stop)
    if not stop then malformed(#text + 1) end
    local character = byte(text, stop)
    if character == QUOTE then return stop + 1 end
    if character ~= BACKSLASH then malformed(stop) end
    stop = find(text, '^["\\/bfnrt]', stop + 1) and stop + 2 or scan_unicode_escape(text, stop + 1)
  end
end

local function scan_number(text, position)
  local _, stop = find(text, "^-?0", position)
  if not stop then _, stop = find(text, "^-?[1-9]%d*", position) end
  if not stop then return nil end
  local _, fraction = find(text, "^%.%d+", stop + 1)
  stop = fraction or stop
  local _, exponent = find(text, "^[eE][+-]?%d+", stop + 1)
  return (exponent or stop) + 1
end

local function scan_literal(text, position, literal)
  return sub(text, position, position + #literal - 1) == literal and position + #literal or nil
end

local scan_object

local function scan_enum(text, position, field)
  if byte(text, position) ~= QUOTE then return nil end
  local stop = scan_string(text, position)
  return field.names[sub(text, position + 1, stop - 2)] and stop or nil
end

local SCANNERS = {
  string = function(text, position)
    return byte(text, position) == QUOTE and scan_string(text, position) or nil
  end,
  number = scan_number,
  boolean = function(text, position)
    return scan_literal(text, position, "true") or scan_literal(text, position, "false")
  end,
  enum = scan_enum,
  object = function(text, position, field)
    return byte(text, position) == OPEN_BRACE and scan_object(text, position, SHAPES[field.shape]) or nil
  end,
}

-- What follows a member or an element: a comma (go on, true) or the closing character (done, false).
local function scan_separator(text, position, closing)
  position = skip_space(text, position)
  local character = byte(text, position)
  if character == COMMA then return skip_space(text, position + 1), true end
  if character == closing then return position + 1, false end
  malformed(position)
end

local function scan_array(text, position, field)
  if byte(text, position) ~= OPEN_BRACKET then return nil end
  position = skip_space(text, position + 1)
  if byte(text, position) == CLOSE_BRACKET then return position + 1 end
  local more
  repeat
    position = SCANNERS[field.kind](text, position, field)
    if not position then return nil end
    position, more = scan_separator(text, position, CLOSE_BRACKET)
  until not more
  return position
end

local function scan_value(text, position, field)
  local scan = field.repeated and scan_array or SCANNERS[field.kind]
  return scan_literal(text, position, "null") or scan(text, position, field) or refuse(field.refusal)
end

local function scan_member(text, position, shape, seen)
  if byte(text, position) ~= QUOTE then malformed(position) end
  local stop = scan_string(text, position)
  local name = sub(text, position + 1, stop - 2)
  local field = shape.fields[name]
  if not field then refuse(shape.unknown_field) end
  if seen[name] then refuse(field.twice) end
  seen[name] = true
  position = skip_space(text, stop)
  if byte(text, position) ~= COLON then malformed(position) end
  return scan_value(text, skip_space(text, position + 1), field)
end

scan_object = function(text, position, shape)
  position = skip_space(text, position + 1)
  if byte(text, position) == CLOSE_BRACE then return position + 1 end
  local seen, more = {}, nil
  repeat
    position = scan_member(text, position, shape, seen)
    position, more = scan_separator(text, position, CLOSE_BRACE)
  until not more
  return position
end

local function check_body(text, shape)
  if sub(text, 1, 3) == BYTE_ORDER_MARK then refuse(TEXTS.byte_order_mark) end
  require_utf8(text)
  local position = skip_space(text, 1)
  if position > #text then refuse(TEXTS.empty) end
  if byte(text, position) ~= OPEN_BRACE then refuse(TEXTS.not_an_object) end
  position = skip_space(text, scan_object(text, position, shape))
  if position <= #text then malformed(position) end
end

local function text_of(body)
  return body and body:length() > 0 and body:getBytes(0, body:length()) or ""
end

local function is_json(content_type)
  local _, stop = find(string.lower(content_type), "^application/json")
  return stop and (stop == #content_type or find(content_type, "^%s*;", stop + 1))
end

local PARAMETERS = {
  string = function(text) return #text <= 512 and find(text, "^[%w._~=-]*$") end,
  number = function(text) return find(text, "^-?%d+$") and #text <= 11 and math.abs(tonumber(text)) < 2147483648 end,
  boolean = function(text) return text == "true" or text == "false" end,
  enum = function(text, field) return field.names[text] end,
}

-- A URL is written down in many places before it comes here, so nothing long and nothing free is taken from it.
local function check_query(query, rule)
  if not rule.query then refuse(TEXTS.query) end
  local seen = {}
  for pair in string.gmatch(query .. "&", "([^&]*)&") do
    local _, _, name, value = find(pair, "^([%l_]+)=(.*)$")
    local field = name and SHAPES[rule.query].fields[name]
    if not field or seen[name] or not PARAMETERS[field.kind](value, field) then refuse(rule.query_refusal) end
    seen[name] = true
  end
end

local function check(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  local mark = find(path, "?", 1, true)
  local rule = RULES[headers:get(":method") .. " " .. sub(path, 1, (mark or 0) - 1)]
  local content_type = headers:get("content-type") or ""
  local coding = headers:get("content-encoding") or "identity"
  -- Before any refusal: a caller who is answered while it still sends may never read the answer.
  -- After this the headers cannot be asked any more.
  local text = text_of(handle:body())
  if mark then check_query(sub(path, mark + 1), rule) end
  if rule.shape then
    if not is_json(content_type) then refuse(TEXTS.content_type, "415") end
    if string.lower(coding) ~= "identity" then refuse(TEXTS.content_encoding, "415") end
    check_body(text, SHAPES[rule.shape])
  elseif text ~= "" then
    refuse(TEXTS.body_not_taken)
  end
end

function envoy_on_request(handle)
  local passed, refusal = pcall(check, handle)
  if passed then return end
  handle:streamInfo():dynamicMetadata():set("edge", "refused", true)
  if type(refusal) ~= "table" then
    -- A defect here must not let a request through unchecked.
    handle:respond({ [":status"] = "500" }, BODIES.internal)
    return
  end
  handle:respond({ [":status"] = refusal.status }, BODIES.before .. refusal.message .. BODIES.after)
end

local GRPC_ONLY = { "grpc-accept-encoding", "grpc-message", "grpc-status", "grpc-status-details-bin" }

-- The problem in the place of an error without one: gRPC refused the call before the policy service saw it.
local function problem_instead(headers)
  local status = headers:get(":status")
  if tonumber(status) < 400 or headers:get("content-type") == PROBLEM_TYPE then return nil end
  if status == "429" then status = "503" end
  local answer = ANSWERS[status] or ANSWERS["500"]
  local _, _, seconds = find(answer, '"retry_after_seconds":(%d+)')
  if seconds then headers:replace("retry-after", seconds) end
  return answer
end

-- The transcoder makes the body of an error from its status; the policy service sends the problem beside it.
function envoy_on_response(handle)
  local headers = handle:headers()
  local problem = headers:get(PROBLEM) or problem_instead(headers)
  headers:remove(PROBLEM)
  for _, name in ipairs(GRPC_ONLY) do headers:remove(name) end
  if not problem then
    local content_type = headers:get(":status") == "200" and handle:metadata():get("content_type")
    if content_type then headers:replace("content-type", content_type) end
    return
  end
  local _, _, status = find(problem, '"status":(%d+)')
  handle:body(true):setBytes(problem .. "\n")
  -- Once the body is there, the transcoder has set its own for the last time.
  headers = handle:headers()
  headers:replace(":status", status)
  headers:replace("content-type", PROBLEM_TYPE)
end

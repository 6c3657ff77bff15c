-- Asks the gate whether a request may pass, for haproxy-forward-auth.cfg.
local gate = "http://127.0.0.1:9191/authz/haproxy"

-- What the gate says of the visitor replaces what the visitor sent. Cookie comes back without the gate's own, and
-- Authorization without its tokens.
local told = {
	"x-auth-user", "x-auth-email", "x-auth-email-verified", "x-auth-name", "x-auth-roles", "x-auth-token-id",
	"x-auth-assertion", "x-auth-provider-token", "x-request-id", "authorization", "cookie",
}

-- Headers of the connection, or of a body, that the question does not have.
local ofConnection = {
	["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
	["content-length"] = true, ["expect"] = true, ["upgrade"] = true, ["host"] = true, ["x-original-method"] = true,
	["x-original-uri"] = true, ["x-original-host"] = true, ["x-forwarded-for"] = true,
}

-- list makes a list of the values of a header, which HAProxy counts from 0.
local function list(values)
	local out = {}
	local i = 0
	while values ~= nil and values[i] ~= nil do
		out[#out + 1] = values[i]
		i = i + 1
	end
	return out
end

local function question(txn)
	local sent = txn.http:req_get_headers()
	local headers = {}
	for name, values in pairs(sent) do
		if not ofConnection[name] then
			headers[name] = list(values)
		end
	end
	headers["x-original-method"] = { txn.sf:method() }
	headers["x-original-uri"] = { txn.sf:pathq() }
	headers["x-original-host"] = list(sent["host"])
	headers["x-forwarded-for"] = { txn.sf:src() }
	return headers
end

local function pass(txn, answer)
	local cut = list(answer["x-gatepost-cut"])[1] or ""
	for name in cut:gmatch("[^,%s]+") do
		txn.http:req_del_header(name)
	end
	txn.http:req_del_header("x-gatepost-token")
	for _, name in ipairs(told) do
		local value = list(answer[name])[1] or ""
		if value == "" then
			txn.http:req_del_header(name)
		else
			txn.http:req_set_header(name, value)
		end
	end
	txn:set_var("txn.gatepost", "pass")
end

-- refuse answers with what the gate answered.
local function refuse(txn, answer)
	local reply = txn:reply{ status = answer.status, reason = answer.reason, body = answer.body or "" }
	for name, values in pairs(answer.headers) do
		if not ofConnection[name] then
			for _, value in ipairs(list(values)) do
				reply:add_header(name, value)
			end
		end
	end
	txn:done(reply)
end

core.register_action("gatepost", { "http-req" }, function(txn)
	local answer = core.httpclient():get{ url = gate, headers = question(txn), timeout = 10000 }
	if answer == nil or answer.status == nil or answer.status < 200 or answer.headers == nil then
		return -- haproxy-forward-auth.cfg refuses
	end
	if answer.status == 200 then
		pass(txn, answer.headers)
	else
		refuse(txn, answer)
	end
end)

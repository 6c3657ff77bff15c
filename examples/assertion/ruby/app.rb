# An app behind Gatepost that verifies who is signed in, with the gem jwt.
require "json"
require "jwt"
require "net/http"
require "webrick"

ISSUER = ENV.fetch("ISSUER", "http://localhost:8080") # GATEPOST_PUBLIC_URL
AUDIENCE = ENV.fetch("AUDIENCE", ISSUER) # GATEPOST_ASSERTION_AUDIENCE
# Where the keys are is a setting of yours. Never take it from a token.
KEYS = URI(ENV.fetch("KEYS", "#{ISSUER}/.gatepost/jwks.json"))

# KeySet fetches the keys every five minutes, and once in half a minute for one that it does not know.
class KeySet
  def initialize
    @lock = Mutex.new
    @fetched = Time.at(0)
  end

  def call(options)
    @lock.synchronize do
      if Time.now - @fetched > (options[:kid_not_found] ? 30 : 300)
        @keys = JSON.parse(Net::HTTP.get(KEYS), symbolize_names: true)
        @fetched = Time.now
      end
      @keys
    end
  end
end

SET = KeySet.new

# who returns what the gate says about the user, or raises JWT::DecodeError: no gate says so.
def who(assertion)
  user, header = JWT.decode(assertion, nil, true, algorithms: ["ES256"], jwks: SET, iss: ISSUER, verify_iss: true,
                            aud: AUDIENCE, verify_aud: true, leeway: 30, required_claims: %w[sub exp])
  raise JWT::DecodeError, "It is a token of another type" unless header["typ"] == "gatepost+jwt"

  user
end

server = WEBrick::HTTPServer.new(BindAddress: ENV.fetch("HOST", "127.0.0.1"), Port: ENV.fetch("PORT", "3000"))
server.mount_proc("/") do |req, res|
  res.content_type = "text/plain; charset=utf-8"
  user = who(req["X-Auth-Assertion"].to_s)
  res.body = "Hello, #{user["name"].empty? ? user["email"] : user["name"]}. Your roles: #{user["roles"].join(", ")}\n"
rescue JWT::DecodeError => e
  warn e.message
  res.status = 401
  res.body = "Nobody has vouched for you.\n"
end
trap("TERM") { server.shutdown }
trap("INT") { server.shutdown }
server.start

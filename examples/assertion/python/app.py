"""An app behind Gatepost that verifies who is signed in, with PyJWT."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")  # GATEPOST_PUBLIC_URL
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)  # GATEPOST_ASSERTION_AUDIENCE
# Where the keys are is a setting of yours. Never take it from a token. They are fetched again after five minutes.
KEYS = jwt.PyJWKClient(os.environ.get("KEYS", ISSUER + "/.gatepost/jwks.json"))


def who(assertion):
    """Return what the gate says about the user, or raise jwt.PyJWTError: no gate says so."""
    if jwt.get_unverified_header(assertion).get("typ") != "gatepost+jwt":
        raise jwt.InvalidTokenError("It is a token of another type")
    return jwt.decode(
        assertion,
        KEYS.get_signing_key_from_jwt(assertion).key,
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=30,
        options={"require": ["iss", "aud", "sub", "exp"]},
    )


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            user = who(self.headers["X-Auth-Assertion"] or "")
            status, text = 200, f'Hello, {user["name"] or user["email"]}. Your roles: {", ".join(user["roles"])}\n'
        except jwt.PyJWTError as err:
            self.log_error("%s", err)
            status, text = 401, "Nobody has vouched for you.\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))), App).serve_forever()

"""An app behind Gatepost, with nothing but Python's standard library."""

import os
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class App(BaseHTTPRequestHandler):
    def user(self):
        """Return the user in the gate's headers: it sends all of them or none, and no client can send them."""
        if "X-Auth-User" not in self.headers:
            return None
        return {
            "id": self.headers["X-Auth-User"],
            "name": unquote(self.headers["X-Auth-Name"] or self.headers["X-Auth-Email"]),
            "roles": self.headers["X-Auth-Roles"].split(","),
        }

    def do_GET(self):
        user, path = self.user(), urlsplit(self.path).path
        if path == "/":
            self.page(user, '<h1>Hello</h1><p><a href="/dashboard">Dashboard</a></p>')
        elif path != "/dashboard":
            self.send_error(404)
        elif user:
            self.page(user, f"""
<h1>Hello, {escape(user["name"])}</h1>
<p>Your roles: {escape(", ".join(user["roles"]))}</p>
<p><a href="/">Home</a></p>""")
        else:  # only where GATEPOST_PROTECT does not name this page
            self.send_response(303)
            self.send_header("Location", "/login?next=/dashboard")
            self.end_headers()

    def page(self, user, body):
        who = '<p><a href="/login">Log in</a></p>'
        if user:
            who = f"""
<p>Signed in as <bdi>{escape(user["name"])}</bdi> · <a href="/account">Account</a></p>
<form method="post" action="/logout"><button>Log out</button></form>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<!doctype html><title>An app behind Gatepost</title>{body}{who}".encode())


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))), App).serve_forever()

"""An app behind Gatepost, with nothing but Python's standard library."""

import html
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.split("?")[0] == "/dashboard":
            name = unquote(self.headers["X-Auth-Name"]) or unquote(self.headers["X-Auth-Email"])
            body = f"<h1>Welcome back, {html.escape(name)}</h1><a href=/account>Account</a>"
        else:
            body = "<h1>Hello</h1><a href=/dashboard>Dashboard</a>"
        page = ("<!doctype html><meta charset=utf-8>" + body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000"))), App).serve_forever()

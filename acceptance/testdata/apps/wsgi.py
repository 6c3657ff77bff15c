"""A WSGI app that serves its dashboard under every reading a Python app may have of a path, and else says what it was told."""
import posixpath
import sys
import urllib.parse
from wsgiref.simple_server import WSGIRequestHandler, make_server


def readings(environ):
    path = environ["PATH_INFO"]
    yield path
    yield posixpath.normpath("/" + path.lstrip("/"))
    yield urllib.parse.unquote(path)
    yield urllib.parse.urlparse(path).path
    yield path.rstrip("/. ").lower()


def app(environ, start_response):
    if any((r + "/").startswith("/dashboard/") for r in readings(environ)):
        body = "the dashboard\n"
    else:
        body = "home\n"
    for name in sorted(environ):
        if name.startswith("HTTP_") or name == "REMOTE_USER":
            body += "%s=%s\n" % (name, environ[name])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode("latin-1", "replace")]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=Quiet).serve_forever()

"""An app behind Gatepost, with Flask."""

import os
from urllib.parse import unquote

from flask import Flask, g, redirect, render_template, request

app = Flask(__name__)


@app.before_request
def who():
    """Read the user from the gate's headers: it sends all of them or none, and no client can send them."""
    g.user = None
    if "X-Auth-User" in request.headers:
        g.user = {
            "id": request.headers["X-Auth-User"],
            "name": unquote(request.headers["X-Auth-Name"] or request.headers["X-Auth-Email"]),
            "roles": request.headers["X-Auth-Roles"].split(","),
        }


@app.get("/")
def home():
    return render_template("home.html")


@app.get("/dashboard")
def dashboard():
    if not g.user:  # only where GATEPOST_PROTECT does not name this page
        return redirect("/login?next=/dashboard", 303)
    return render_template("dashboard.html")


if __name__ == "__main__":
    app.run(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000")))

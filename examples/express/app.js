// An app behind Gatepost, with Express.
import express from "express";

const app = express();

// req.user is the user that the gate's headers name. The gate sends all of these headers or none, and no client can
// send them.
app.use((req, res, next) => {
  if (req.get("X-Auth-User")) {
    req.user = {
      id: req.get("X-Auth-User"),
      name: decodeURIComponent(req.get("X-Auth-Name") || req.get("X-Auth-Email")),
      roles: req.get("X-Auth-Roles").split(","),
    };
  }
  next();
});

app.get("/", (req, res) => {
  res.send(page(req.user, `<h1>Hello</h1><p><a href="/dashboard">Dashboard</a></p>`));
});

app.get("/dashboard", (req, res) => {
  // Only where GATEPOST_PROTECT does not name this page.
  if (!req.user) return res.redirect(303, "/login?next=/dashboard");
  res.send(page(req.user, `
<h1>Hello, ${escape(req.user.name)}</h1>
<p>Your roles: ${escape(req.user.roles.join(", "))}</p>
<p><a href="/">Home</a></p>`));
});

const page = (user, body) => `<!doctype html><title>An app behind Gatepost</title>${body}${who(user)}`;

const who = (user) => (user ? `
<p>Signed in as <bdi>${escape(user.name)}</bdi> · <a href="/account">Account</a></p>
<form method="post" action="/logout"><button>Log out</button></form>` : `<p><a href="/login">Log in</a></p>`);

const escape = (text) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

app.listen(process.env.PORT ?? 3000, process.env.HOST ?? "127.0.0.1");

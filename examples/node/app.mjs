// An app behind Gatepost, with nothing but Node's standard library.
import { createServer } from "node:http";

const escape = (s) => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

createServer((req, res) => {
  res.setHeader("Content-Type", "text/html; charset=utf-8");
  if (new URL(req.url, "http://app").pathname !== "/dashboard") {
    return res.end("<!doctype html><h1>Hello</h1><a href=/dashboard>Dashboard</a>");
  }
  const name = decodeURIComponent(req.headers["x-auth-name"] || req.headers["x-auth-email"]);
  res.end(`<!doctype html><h1>Welcome back, ${escape(name)}</h1><a href=/account>Account</a>`);
}).listen(process.env.PORT ?? 3000, process.env.HOST ?? "127.0.0.1");

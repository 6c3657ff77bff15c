package demo

import (
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// app is a sample app. It has no passwords or sessions, and reads the identity headers.
func app(box *mailbox) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page("home"))
	mux.HandleFunc("GET /dashboard", page("dashboard"))
	mux.HandleFunc("GET /admin", page("admin"))
	mux.HandleFunc("GET /mailbox", box.list)
	mux.HandleFunc("GET /mailbox/{id}", box.show)
	return mux
}

// view is what the sample app knows of a request: its headers.
type view struct {
	Page, Name string
	SignedIn   bool
	Headers    [][2]string
}

func page(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := view{Page: page, SignedIn: r.Header.Get("X-Auth-User") != "", Name: decoded(r.Header.Get("X-Auth-Name"))}
		if v.Name == "" {
			v.Name = decoded(r.Header.Get("X-Auth-Email"))
		}
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			if strings.HasPrefix(name, "X-Auth-") {
				v.Headers = append(v.Headers, [2]string{name, r.Header.Get(name)})
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = appTemplate.Execute(w, v) // the visitor may have left
	}
}

// decoded decodes a percent-encoded header value, as decodeURIComponent does.
func decoded(s string) string {
	text, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return text
}

var appTemplate = template.Must(template.New("demo").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sample app</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
nav { display: flex; gap: 1rem; flex-wrap: wrap; align-items: center }
table { border-collapse: collapse; margin: 1rem 0 } td { border: 1px solid; padding: .25rem .75rem }
td + td { overflow-wrap: anywhere }
button { font: inherit }
</style>
</head>
<body>
<nav><a href="/">Home</a> <a href="/dashboard">Dashboard</a> <a href="/admin">Admin</a> <a href="/mailbox">Mailbox</a>
{{if .SignedIn}}<a href="/account">Account</a> <form method="post" action="/logout"><button>Log out</button></form>
{{else}}<a href="/login">Log in</a> <a href="/signup">Sign up</a>{{end}}</nav>
{{if eq .Page "home"}}<h1>A sample app</h1>
<p>This page is public. {{if .SignedIn}}You are logged in as {{.Name}}.{{else}}Nobody is logged in.{{end}}
The app has no login of its own: Gatepost stands in front of it.</p>
{{else if eq .Page "dashboard"}}<h1>Welcome back, {{.Name}}</h1>
<p>Only signed-in visitors get here. These headers told the app who you are:</p>
{{else}}<h1>Admin</h1>
<p>Only users with the role <code>admin</code> get here.</p>
{{end}}{{if .Headers}}<table>` +
	`{{range .Headers}}<tr><td><code>{{index . 0}}</code></td><td>{{index . 1}}</td></tr>{{end}}</table>{{end}}
</body>
</html>
`))

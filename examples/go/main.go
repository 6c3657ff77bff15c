// An app behind Gatepost, with nothing but Go's standard library.
package main

import (
	"cmp"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

type user struct {
	ID, Name string
	Roles    []string
}

// who returns the user that the gate's headers name, or nil. The gate sends all of these headers or none, and no
// client can send them.
func who(r *http.Request) *user {
	id := r.Header.Get("X-Auth-User")
	if id == "" {
		return nil
	}
	// The gate always encodes correctly.
	name, _ := url.PathUnescape(cmp.Or(r.Header.Get("X-Auth-Name"), r.Header.Get("X-Auth-Email")))
	return &user{ID: id, Name: name, Roles: strings.Split(r.Header.Get("X-Auth-Roles"), ",")}
}

var pages = template.Must(template.New("").Parse(`
{{define "top"}}<!doctype html><meta charset="utf-8"><title>An app behind Gatepost</title>{{end}}
{{define "who"}}{{if .}}
<p>Signed in as <bdi>{{.Name}}</bdi> · <a href="/account">Account</a></p>
<form method="post" action="/logout"><button>Log out</button></form>
{{else}}<p><a href="/login">Log in</a></p>{{end}}{{end}}
{{define "home"}}{{template "top"}}
<h1>Hello</h1>
<p><a href="/dashboard">Dashboard</a></p>
{{template "who" .}}{{end}}
{{define "dashboard"}}{{template "top"}}
<h1>Hello, {{.Name}}</h1>
<p>Your roles: {{range $i, $role := .Roles}}{{if $i}}, {{end}}{{$role}}{{end}}</p>
<p><a href="/">Home</a></p>
{{template "who" .}}{{end}}`))

func show(w http.ResponseWriter, page string, u *user) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := pages.ExecuteTemplate(w, page, u); err != nil {
		log.Print(err)
	}
}

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		show(w, "home", who(r))
	})
	http.HandleFunc("GET /dashboard", func(w http.ResponseWriter, r *http.Request) {
		u := who(r)
		if u == nil { // only where GATEPOST_PROTECT does not name this page
			http.Redirect(w, r, "/login?next=/dashboard", http.StatusSeeOther)
			return
		}
		show(w, "dashboard", u)
	})
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("HOST"), "127.0.0.1")+":"+cmp.Or(os.Getenv("PORT"), "3000"), nil))
}

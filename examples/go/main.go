// An app behind Gatepost, with nothing but Go's standard library.
package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"net/http"
	"net/url"
	"os"
)

func main() {
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><h1>Hello</h1><a href=/dashboard>Dashboard</a>")
	})
	http.HandleFunc("GET /dashboard", func(w http.ResponseWriter, r *http.Request) {
		name, _ := url.PathUnescape(cmp.Or(r.Header.Get("X-Auth-Name"), r.Header.Get("X-Auth-Email")))
		fmt.Fprintf(w, "<!doctype html><h1>Welcome back, %s</h1><a href=/account>Account</a>", html.EscapeString(name))
	})
	log.Fatal(http.ListenAndServe(cmp.Or(os.Getenv("HOST"), "127.0.0.1")+":"+cmp.Or(os.Getenv("PORT"), "3000"), nil))
}

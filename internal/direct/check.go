package direct

import (
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/net/http/httpguts"
)

// check refuses what http.Transport refuses before it connects: Request.Write writes header values as they are.
func check(r *http.Request) error {
	switch {
	case r.URL == nil:
		return errors.New("the request has no URL")
	case r.Header == nil:
		return errors.New("the request has no header")
	case r.URL.Scheme != "http":
		return fmt.Errorf("the scheme %q is not http", r.URL.Scheme)
	case r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method): // both are tokens
		return fmt.Errorf("the method %q is none", r.Method)
	case r.URL.Host == "":
		return errors.New("the URL of the request names no host")
	}
	if err := checkFields(r.Header); err != nil {
		return err
	}
	return checkFields(r.Trailer)
}

func checkFields(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("the header name %q is none", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("the header %q has a value that none may have", name) // it may be a secret
			}
		}
	}
	return nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// safe reports whether a request may be sent once more although the app may have got it (RFC 9110, section 9.2).
func safe(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !hasBody(r)
	}
	return false
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

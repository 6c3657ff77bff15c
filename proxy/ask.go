package proxy

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Said is the answer of the app without its body.
type Said struct {
	// Status is the status code.
	Status int
	// Location is the Location header.
	Location string
}

// askTimeout limits each request of Ask.
const askTimeout = 2 * time.Second

// Ask sends the app a GET request for each path, one after the other, with the same Host as for a
// signed-out visitor. It follows no redirect. The error is that of the first request without an
// answer.
func (u Upstream) Ask(ctx context.Context, public *url.URL, userAgent string, paths []string) ([]Said, error) {
	t := newConnections(u, askTimeout, askTimeout)
	defer t.CloseIdleConnections()
	list := make([]Said, len(paths))
	for i, path := range paths {
		res, err := t.RoundTrip(u.question(ctx, http.MethodGet, path, public, userAgent))
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		list[i] = Said{res.StatusCode, res.Header.Get("Location")}
	}
	return list, nil
}

// question is a request as of a signed-out visitor.
func (u Upstream) question(ctx context.Context, method, path string, public *url.URL, userAgent string) *http.Request {
	r := &http.Request{Method: method, URL: &url.URL{Path: path}, Host: public.Host, Header: http.Header{
		"Accept": {"text/html"}, "User-Agent": {userAgent}, "X-Forwarded-Host": {public.Host},
		"X-Forwarded-Proto": {public.Scheme},
	}}
	r.URL.Scheme, r.URL.Host = u.target()
	return r.WithContext(ctx)
}

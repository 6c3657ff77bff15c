package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/proxy"
)

// ownPages are the gate's pages that apps often have too. A page of the app's at the same path cannot be reached by
// visitors.
var ownPages = []string{"login", "signup", "register", "logout", "account"}

// ownAPI are the endpoints below /api/auth by which Better Auth and Auth.js are known. The gate hides an app's own.
var ownAPI = []string{"ok", "get-session", "csrf", "providers"}

// ownPagesTimeout limits all requests of appPages.
const ownPagesTimeout = 5 * time.Second

// appPages asks the app which of its pages have the path of a gate's page. A page counts only when its answer
// differs from that of a path that cannot exist: single-page apps answer every path, and others redirect every path
// to their login.
func appPages(ctx context.Context, c *config.Config) (paths []string, err error) {
	return askApp(ctx, c, c.Pages, ownPages)
}

// appAPI does the same for endpoints that the gate hides: all of them, whether it serves one of that name or not.
func appAPI(ctx context.Context, c *config.Config) (paths []string, err error) {
	if c.APIAuthApp {
		return nil, nil
	}
	return askApp(ctx, c, config.APIAuth, ownAPI)
}

func askApp(ctx context.Context, c *config.Config, below string, pages []string) (paths []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, ownPagesTimeout)
	defer cancel()
	nowhere := strings.ToLower(rand.Text())
	asked := []string{below + "/" + nowhere}
	for _, page := range pages {
		asked = append(asked, below+"/"+page)
	}
	answers, err := c.Upstream.Ask(ctx, c.PublicURL, "gatepost-check", asked)
	if err != nil {
		return nil, err
	}
	for i, page := range pages {
		if said := answers[i+1]; isPage(said.Status) && isSettled(answers[0].Status) &&
			!alike(said, page, answers[0], nowhere) {
			paths = append(paths, asked[i+1])
		}
	}
	return paths, nil
}

// alike reports whether a page is answered like a path that does not exist. Redirects must lead to the same place,
// which may have the path in it. Their queries are ignored, as they often differ each time.
func alike(said proxy.Said, page string, other proxy.Said, nowhere string) bool {
	to, _, _ := strings.Cut(said.Location, "?")
	where, _, _ := strings.Cut(other.Location, "?")
	return said.Status == other.Status && to == strings.ReplaceAll(where, nowhere, page)
}

// isPage reports whether a status means that a page exists.
func isPage(status int) bool {
	return status != http.StatusNotFound && status != http.StatusGone && isSettled(status)
}

// isSettled reports whether a status is the app's answer, and not that of an app that is overloaded or away.
func isSettled(status int) bool {
	return status != http.StatusTooManyRequests && status < http.StatusInternalServerError
}

// warnOfAppPages warns of pages of the app's that the gate's pages hide. This is no fault, as most apps do without
// theirs.
func (p *process) warnOfAppPages(ctx context.Context, c *config.Config) {
	paths, err := appPages(ctx, c)
	switch {
	case err != nil:
		p.note("it could not be seen whether the app has pages where the gate has its own: " + config.Cause(err).Error())
	case len(paths) > 0:
		p.warn("the app has pages of its own at " + strings.Join(paths, ", ") +
			", where visitors get the gate's; an app that sends people to its own login " +
			"there sends them in circles. If it needs them, set GATEPOST_PAGES to a prefix that it does not use, " +
			"like /auth; otherwise switch its login off")
	}
	if paths, err := appAPI(ctx, c); err == nil && len(paths) > 0 {
		p.warn("the app has an authentication of its own at " + strings.Join(paths, ", ") + ", which nobody reaches: " +
			"below " + config.APIAuth + " visitors get Gatepost's. If the app needs it, set GATEPOST_API_AUTH=app; " +
			"otherwise take it out")
	}
}

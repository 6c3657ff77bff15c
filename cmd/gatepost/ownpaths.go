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

// ownPages are the pages of ours that apps have too, most often. The app's own are out of visitors' reach below the
// same prefix.
var ownPages = []string{"login", "signup", "register", "logout", "account"}

// ownPagesTimeout bounds the questions about all of them.
const ownPagesTimeout = 5 * time.Second

// appPages asks the app itself which of the pages it has where the gate has its own. A page is one only where it is
// answered otherwise than a path that cannot exist: apps of a single page answer everything, and others send everybody
// to their login.
func appPages(ctx context.Context, c *config.Config) (paths []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, ownPagesTimeout)
	defer cancel()
	nowhere := strings.ToLower(rand.Text())
	asked := []string{c.Pages + "/" + nowhere}
	for _, page := range ownPages {
		asked = append(asked, c.Pages+"/"+page)
	}
	answers, err := c.Upstream.Ask(ctx, c.PublicURL, "gatepost-check", asked)
	if err != nil {
		return nil, err
	}
	for i, page := range ownPages {
		if said := answers[i+1]; isPage(said.Status) && isSettled(answers[0].Status) && !alike(said, page, answers[0], nowhere) {
			paths = append(paths, asked[i+1])
		}
	}
	return paths, nil
}

// alike says that a page is answered as what does not exist. Redirects lead to the same place, which may have the path
// in it; a query often holds what is new each time.
func alike(said proxy.Said, page string, other proxy.Said, nowhere string) bool {
	to, _, _ := strings.Cut(said.Location, "?")
	where, _, _ := strings.Cut(other.Location, "?")
	return said.Status == other.Status && to == strings.ReplaceAll(where, nowhere, page)
}

// isPage says that there is something at a path.
func isPage(status int) bool {
	return status != http.StatusNotFound && status != http.StatusGone && isSettled(status)
}

// isSettled says that an answer is the app's, and not that of one which is too busy or away.
func isSettled(status int) bool {
	return status != http.StatusTooManyRequests && status < http.StatusInternalServerError
}

// warnOfAppPages says which pages of the app stand behind ours. It is no fault: most apps do without theirs.
func (p *process) warnOfAppPages(ctx context.Context, c *config.Config) {
	paths, err := appPages(ctx, c)
	switch {
	case err != nil:
		p.note("whether the app has pages where the gate has its own could not be seen: " + config.Cause(err).Error())
	case len(paths) > 0:
		p.warn("the app has pages of its own at " + strings.Join(paths, ", ") + ", where visitors get the gate's; an app that sends people to its own login " +
			"there sends them in circles. If it needs them, set GATEPOST_PAGES to a prefix that it does not use, like /auth; otherwise switch its login off")
	}
}

package doctor

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// ownPagesCure is the advice for apps that have a login where the gate's is.
const ownPagesCure = "If the app needs them, set GATEPOST_PAGES to a prefix that it does not use, like /auth; " +
	"otherwise switch its login off."

// checkOwnPages looks for a login of the app's behind the gate's. From outside only the gate's can be seen. So the
// app is asked directly where that is possible, and otherwise its redirects are examined.
func (e *examination) checkOwnPages(ctx context.Context) {
	if !e.needGate("own-pages") {
		return
	}
	if e.c.AppPages == nil {
		e.report.note("own-pages", "own-pages.skipped",
			"the app was not asked for its own /login and the like: the environment has no GATEPOST_UPSTREAM, or "+
				"settings with a fault (see `gatepost check`)")
	} else {
		e.askApp(ctx)
		e.askForAPI(ctx)
	}
	e.checkSentToLogin(ctx)
}

func (e *examination) askApp(ctx context.Context) {
	paths, err := e.c.AppPages(ctx)
	switch {
	case err != nil:
		e.report.note("own-pages", "own-pages.skipped",
			"the app was not asked for its own /login and the like: beside the gate it does not answer from here")
	case len(paths) == 0:
		e.report.ok("own-pages", "own-pages.app", "the app has no pages where the gate has its own")
	default:
		e.report.add(Finding{Check: "own-pages", ID: "own-pages.app", Level: Warning,
			Said: "the app has pages of its own at " + strings.Join(paths, ", ") + ", where visitors get the gate's",
			Why:  "An app that sends people to its own login there sends them in circles.", Cure: ownPagesCure})
	}
}

// askForAPI looks for an authentication of the app's below /api/auth.
func (e *examination) askForAPI(ctx context.Context) {
	if e.c.AppAPI == nil {
		return
	}
	switch paths, err := e.c.AppAPI(ctx); {
	case err != nil: // as askApp has said
	case len(paths) == 0:
		e.report.ok("own-pages", "own-pages.api", "the gate hides no authentication of the app's below /api/auth")
	default:
		e.report.add(Finding{Check: "own-pages", ID: "own-pages.api", Level: Warning,
			Said: "the app has an authentication of its own at " + strings.Join(paths, ", ") + ", which nobody reaches",
			Why:  "Below /api/auth visitors get the gate's, so that no password that is meant for it goes to the app.",
			Cure: "If the app needs it, set GATEPOST_API_AUTH=app; otherwise take it out."})
	}
}

// checkSentToLogin tests whether the app redirects signed-out visitors to the gate's login. The gate itself does
// not: it answers programs with 401.
func (e *examination) checkSentToLogin(ctx context.Context) {
	for _, target := range slices.Compact([]string{"/", e.c.Public}) {
		r := request{target: target}
		a := e.ask(ctx, r)
		if to, err := e.location(a); err != nil || !e.leadsBack(to) {
			continue
		}
		if e.c.Email == "" {
			e.found("own-pages", "own-pages.sends", Warning, r, a,
				"the app sends visitors to the gate's login by itself").
				because("That is as it should be where it knows people by the gate's headers. If it means a login "+
					"of its own, whoever is signed in goes in circles.",
					"Sign in with --email and --password-stdin to see which; against circles set GATEPOST_PAGES to "+
						"another prefix.")
		}
		return
	}
}

// leadsBack reports whether a URL is a page of the gate's that redirects signed-in visitors to the app.
func (e *examination) leadsBack(to *url.URL) bool {
	return e.here(to) && path.Dir(to.Path) == path.Dir(e.gate.login) &&
		slices.Contains([]string{"login", "signup", "register"}, path.Base(to.Path))
}

func (e *examination) here(to *url.URL) bool {
	return to.Scheme == e.site.scheme && to.Host == e.site.host
}

// mostHops is how many redirects are followed. The gate ends a loop sooner.
const mostHops = 10

// checkCircle follows the redirects of a signed-in visitor from common first pages, to find a loop.
func (e *examination) checkCircle(ctx context.Context, cookie string) {
	for _, start := range []string{"/", e.gate.login, e.c.Protected} {
		r, a, circle := e.follow(ctx, cookie, start)
		if circle {
			e.found("login", "login.circle", Failed, r, a,
				"the app sends whoever is signed in to the gate's login, again and again").
				because("It has a login of its own where the gate's is, so that nobody who is signed in gets past it.",
					ownPagesCure)
			return
		}
	}
	e.report.ok("login", "login.circle", "whoever is signed in is not sent in circles from /, %s and %s",
		e.gate.login, e.c.Protected)
}

// follow follows redirects on this site, and returns the last request with its answer.
func (e *examination) follow(ctx context.Context, cookie, start string) (r request, a answer, circle bool) {
	r = request{target: start, lines: append(slices.Clone(browser), "Cookie: "+cookie)}
	logins := 0
	for range mostHops {
		a = e.ask(ctx, r)
		to, err := e.location(a)
		if err == nil && e.leadsBack(to) {
			logins++
		}
		if a.status == http.StatusLoopDetected || logins > 2 {
			return r, a, true
		}
		if err != nil || !e.here(to) {
			break
		}
		r.target = to.RequestURI()
	}
	return r, a, false
}

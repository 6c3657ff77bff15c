package doctor

import (
	"context"
	"net/http"
)

// checkForms sends the login form as another site would. The gate recognises that by headers that browsers add, so
// a proxy must not remove them. The form is empty, so that no password is tried.
func (e *examination) checkForms(ctx context.Context) {
	if !e.needGate("forms") {
		return
	}
	refused := true
	for _, c := range []struct {
		id    string
		lines []string
	}{
		{"forms.both", []string{"Origin: https://" + otherHost, "Sec-Fetch-Site: cross-site"}},
		{"forms.origin", []string{"Origin: https://" + otherHost}},
		{"forms.null-origin", []string{"Origin: null"}},
		{"forms.sec-fetch-site", []string{"Sec-Fetch-Site: cross-site"}},
	} {
		refused = e.crossSite(ctx, c.id, c.lines) && refused
	}
	if refused {
		e.report.ok("forms", "forms.refused", "%s takes no form that another site sent", e.gate.login)
	}
}

func (e *examination) crossSite(ctx context.Context, id string, lines []string) bool {
	r := request{method: "POST", target: e.gate.login, lines: lines, body: "email=&password="}
	a := e.ask(ctx, r)
	if a.status == http.StatusForbidden {
		return true
	}
	e.found("forms", id, Failed, r, a, "a form from another site was not refused with 403").
		because("The gate did not learn where the form came from, so another site can sign a visitor in or out.",
			"Let the proxy in front pass Origin, Sec-Fetch-Site and Host as they are.")
	return false
}

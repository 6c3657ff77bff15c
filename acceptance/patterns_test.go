package acceptance_test

import "testing"

// Rules with a * and the preset, at the door: what they name reaches the app byte for byte, and nothing beside it does.
func TestRulesForNamesThatNobodyKnows(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/, /*/admin=admin", "GATEPOST_PUBLIC=/*/*.git, GET /*/about, @assets")
	for _, target := range []string{
		"/ada/x.git", "/ada/x.git/info/refs?service=git-upload-pack", "/%C3%BC/x%20y.git", "/ada/about",
		"/manifest.json", "/site.webmanifest", "/favicon.ico", "/apple-touch-icon-120x120.png", "/robots.txt",
		"/.well-known/acme-challenge/x", "/ada/x.git/admin",
	} {
		l.passes(t, l.request("GET "+target), l.forwarded("GET "+target, ""))
	}
	for _, target := range []string{
		"/ada/x", "/ada/.git/config", "/ada", "/x.git", "//ada/x.git", "/ada//x.git", "/./x.git", "/../x.git", "/%2e/x.git",
		"/.%2E/x.git", "/%252e%252e/x.git", "/a%2fb/x.git", "/a%252Fb/x.git", "/a%5cb/x.git", "/ada/x.git/../y",
		"/ada/x.git%2f..%2fy", "/ada/x.git/..;/y", "/ada/x.GIT", "/ada/x.git.json", "/ada/x.git;y", "/ada/x.git%00",
		"/ada/admin", "/ada/Admin", "/ada%2fadmin", "/ada/admin.json", "/x/../ada/admin", "/ada/about/../admin",
		"/Favicon.ico", "/favicon", "/.well-known/webfinger", "/.well-known/x/../webfinger", "/.well-known/%2e%2e/x",
		"/static/favicon.ico", "/manifest", "/robots.txt/../x",
	} {
		l.refuses(t, l.request("GET "+target), 401)
	}
	l.refuses(t, l.request("POST /robots.txt", "Content-Length: 0"), 401)
	l.signIn(t)
	l.refuses(t, l.request("GET /ada%2fadmin", l.cookie), 403)
	l.passes(t, l.request("GET /ada/x", l.cookie), l.forwarded("GET /ada/x", "", l.identity...))
}

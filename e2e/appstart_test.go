package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dokuWiki runs Debian's wiki from a copy, since it is configured for one place.
func dokuWiki(g *behindGate) *exec.Cmd {
	g.shell(`cp -rL /usr/share/dokuwiki www; rm -rf www/lib/plugins www/lib/tpl www/conf www/data
		cp -rL /var/lib/dokuwiki/lib/. www/lib/; cp -rL /var/lib/dokuwiki/data www/data; cp -rL /etc/dokuwiki www/conf`)
	g.write("www/inc/preload.php", "<?php\ndefine('DOKU_CONF', '"+g.dir+"/www/conf/');\n")
	g.write("www/conf/local.protected.php", "<?php\n$conf['savedir'] = '"+g.dir+"/www/data';\n")
	g.shell(`cat "$1" >> www/conf/local.php`, g.write("local", g.file("conf/local.php, after what is there")))
	g.write("www/conf/acl.auth.php", g.file("conf/acl.auth.php, in place of what is there for all pages"))
	for _, name := range []string{"plugin.info.txt", "auth.php"} {
		g.write("www/lib/plugins/authgatepost/"+name, g.file("lib/plugins/authgatepost/"+name))
	}
	return exec.Command("php", "-S", "127.0.0.1:"+g.port, "-t", "www")
}

// wiki tests that nobody whom the gate does not name sees a form for passwords: each leads to the gate's.
func wiki(t *testing.T, g *behindGate, _ *browserOf) {
	for _, query := range []string{"do=login", "do[login]=1", "do=LOGIN&id=start"} {
		if to := g.direct(t, "/doku.php?"+query).Header.Get("Location"); !strings.HasPrefix(to, "/login?next=%2Fdoku.php") {
			t.Errorf("without a header %s leads to %q", query, to)
		}
	}
	res := g.direct(t, "/doku.php?id=start")
	text, err := io.ReadAll(res.Body)
	if err != nil || strings.Contains(string(text), `type="password"`) ||
		!strings.Contains(string(text), `<a href="/login?next=%2Fdoku.php%3Fid%3Dstart">`) {
		t.Errorf("without a header a page is %v:\n%s", err, brief(string(text)))
	}
}

// calendars tests that everybody has their own, by the address that Radicale knows them by.
func calendars(t *testing.T, g *behindGate, b *browserOf) {
	const ask = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`
	res, text := b.ask("PROPFIND", "/", ask, g.claims())
	if res.StatusCode != 207 || !strings.Contains(text, "/zhang.wei.") || strings.Contains(text, "mallory") {
		t.Errorf("Radicale says who it is: %d %s", res.StatusCode, text)
	}
	if status, text := g.get(t, "PROPFIND", "/", ask, "Authorization: Basic bWFsbG9yeTp4"); status != 401 ||
		!fromTheGate(text) {
		t.Errorf("a program with a password: %d %s", status, text)
	}
	byCalDAV(t, g, b.person)
}

// notebooks tests that a form of Jupyter's that changes something passes, with its token against forgery.
func notebooks(t *testing.T, g *behindGate, b *browserOf) {
	b.open("/", nil)
	site, _ := url.Parse(g.url)
	header := g.claims()
	for _, c := range b.client.Jar.Cookies(site) {
		if c.Name == "_xsrf" {
			header.Set("X-XSRFToken", c.Value)
		}
	}
	if res, text := b.ask("PUT", "/api/contents/new.txt", `{"type":"file","format":"text","content":"x"}`,
		header); res.StatusCode != 201 {
		t.Errorf("a new file: %d %s", res.StatusCode, text)
	}
	if status, text := g.get(t, "GET", "/api/contents", "", "Authorization: token x"); status != 401 ||
		!fromTheGate(text) {
		t.Errorf("a program with a token: %d %s", status, text)
	}
}

// flows tests that passwords, and tokens of Node-RED's own, are worth nothing.
func flows(t *testing.T, g *behindGate, b *browserOf) {
	if _, text := b.send("/auth/token", url.Values{"client_id": {"node-red-editor"}, "grant_type": {"password"},
		"scope": {"*"}, "username": {"admin"}, "password": {"password"}}); strings.Contains(text, "access_token") {
		t.Errorf("Node-RED gives a token: %s", text)
	}
	if _, text := b.send("/auth/revoke", url.Values{"token": {"x"}}); text != `{"redirect":"/logout"}` {
		t.Errorf("the editor's log-out leads to %s", text)
	}
	if status, text := g.get(t, "GET", "/flows", "", "Authorization: Bearer mallory@example.com"); status != 401 ||
		!fromTheGate(text) {
		t.Errorf("a program with a token: %d %s", status, text)
	}
}

func verdaccio(g *behindGate) *exec.Cmd {
	for _, name := range []string{"package.json", "index.js"} {
		name = "plugins/verdaccio-gatepost/" + name
		g.write(name, g.file(name))
	}
	config := g.write("config.yaml", g.file("config.yaml"))
	// What htpasswd -B writes for the password secret-of-ci.
	g.write("htpasswd", "ci:$2y$04$kDdCJMwygpboU3KcyxTsrurVXMcnZO9Z3aVFFIGAKtEDab5JMvwIe\n")
	return g.node("verdaccio/bin/verdaccio", "--config", config)
}

// packages tests that npm comes with its token and nobody without, and that people read as who they are.
func packages(t *testing.T, g *behindGate, b *browserOf) {
	if _, text := b.open("/-/whoami", g.claims()); !strings.Contains(text, "zhang.wei.") ||
		strings.Contains(text, "mallory") {
		t.Errorf("Verdaccio says who it is: %s", text)
	}
	const account, json = "/-/user/org.couchdb.user:", "Content-Type: application/json"
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ci:secret-of-ci"))
	_, text := g.get(t, "PUT", account+"ci", `{"name":"ci","password":"secret-of-ci"}`, json, basic)
	token := regexp.MustCompile(`"token":\s*"([^"]+)"`).FindStringSubmatch(text)
	if token == nil {
		t.Fatalf("npm login: %s", text)
	}
	bearer := "Authorization: Bearer " + token[1]
	const thing = `{"_id":"@acme/thing","name":"@acme/thing","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{` +
		`"name":"@acme/thing","version":"1.0.0","dist":{"tarball":"http://x/thing-1.0.0.tgz",` +
		`"shasum":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}}},"_attachments":{"thing-1.0.0.tgz":{` +
		`"content_type":"application/octet-stream","data":"aGVsbG8=","length":5}}}`
	if status, text := g.get(t, "PUT", "/@acme%2fthing", thing, json, bearer); status != 201 {
		t.Errorf("npm publish: %d %s", status, text)
	}
	byNPM(t, g, b.person, token[1])
	if status, text := g.get(t, "GET", "/@acme%2fthing", "", bearer); status != 200 {
		t.Errorf("npm install: %d %s", status, text)
	}
	if status, text := g.get(t, "GET", "/@acme%2fthing", "", "X-Auth-User: mallory", "X-Auth-Email: mallory"); status !=
		401 || fromTheGate(text) {
		t.Errorf("npm install without a token: %d %s", status, text)
	}
	if status, text := g.get(t, "PUT", account+"eve", `{"name":"eve","password":"secret-of-eve"}`, json); status != 409 {
		t.Errorf("npm adduser: %d %s", status, text)
	}
	for _, path := range []string{"verdaccio/sec/login", "Verdaccio/SEC/Login", "verdaccio/sec/login/",
		"verdaccio//sec/login", "verdaccio/s%65c/login", "%56erdaccio%2Fsec/login", "@x/../verdaccio/sec/login"} {
		if res, text := b.ask("POST", "/-/"+path, `{"username":"ci","password":"secret-of-ci"}`,
			http.Header{"Content-Type": {"application/json"}}); res.StatusCode < 400 || strings.Contains(text, "token") {
			t.Errorf("a password in the web pages, at /-/%s: %d %s", path, res.StatusCode, text)
		}
	}
	if _, text := b.open("/-/verdaccio/data/packages", nil); !strings.Contains(text, "@acme/thing") {
		t.Errorf("the list of packages: %s", text)
	}
	if res, text := b.ask("PUT", "/@acme%2fthing", thing, nil); res.StatusCode != 401 {
		t.Errorf("a change without a token: %d %s", res.StatusCode, text)
	}
}

// miniflux builds the program with the versions in apps/miniflux, and has it keep its feeds in a database of its own.
func miniflux(g *behindGate) *exec.Cmd {
	program := filepath.Join(g.dir, "miniflux")
	build := exec.Command("go", "build", "-o", program, "miniflux.app/v2")
	build.Dir = "apps/miniflux"
	if out, err := build.CombinedOutput(); err != nil {
		g.t.Fatalf("build Miniflux: %v\n%s", err, out)
	}
	_, database := newDatabase(g.t)
	config := g.write("miniflux.conf", g.file("/etc/miniflux.conf"))
	cmd := exec.Command(program, "-config-file", config)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database, "RUN_MIGRATIONS=1", "DISABLE_SCHEDULER_SERVICE=1")
	return cmd
}

// feeds tests that a feed reader comes with its key, and nobody without.
func feeds(t *testing.T, g *behindGate, b *browserOf) {
	_, page := b.open("/keys/create", nil)
	csrf := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if csrf == nil {
		t.Fatalf("the form for a key is\n%s", page)
	}
	_, page = b.send("/keys/save", url.Values{"csrf": {csrf[1]}, "description": {"telephone"}})
	_, list := b.open("/keys", nil)
	key := regexp.MustCompile(`[0-9a-f]{64}`).FindString(page + list)
	if status, text := g.get(t, "GET", "/v1/me", "", "X-Auth-Token: "+key); status != 200 ||
		!strings.Contains(text, "zhang.wei.") {
		t.Errorf("a feed reader with the key %q: %d %s\n%s", key, status, text, brief(page+list))
	}
	for _, header := range []string{"X-Auth-Token: x", "X-WEBAUTH-USER: mallory", "Authorization: Basic bWFsbG9yeTp4"} {
		if status, text := g.get(t, "GET", "/v1/me", "", header); status != 401 || fromTheGate(text) {
			t.Errorf("with %s: %d %s", header, status, text)
		}
	}
}

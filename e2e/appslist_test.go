package e2e

import (
	"html"
	"os/exec"
	"path/filepath"
	"strings"
)

func address(p person) string { return p.email }

func fullName(p person) string { return html.EscapeString(p.name) }

var knownApps = []knownApp{
	{preset: "prometheus", needs: "/usr/bin/prometheus --version", page: "/api/v1/status/buildinfo",
		has: `"version":`,
		start: func(g *behindGate) *exec.Cmd {
			args := append(strings.Fields(g.file("the command line of Prometheus")),
				"--config.file="+g.write("prometheus.yml", "scrape_configs: []\n"), "--storage.tsdb.path=data")
			return exec.Command("/usr/bin/prometheus", args...)
		}},
	{preset: "radicale", needs: "/usr/bin/radicale --version", page: "/.web/", has: "Radicale",
		start: func(g *behindGate) *exec.Cmd {
			config := g.write("config", g.file("/etc/radicale/config"))
			return exec.Command("/usr/bin/radicale", "--config", config, "--storage-filesystem-folder="+g.dir)
		},
		programs: calendars},
	{preset: "dokuwiki", needs: "ls /usr/share/dokuwiki/doku.php && php --version", page: "/doku.php?id=start",
		names: fullName, closed: []string{"/doku.php?do=login", "/doku.php?do=register"},
		logout: "do=logout", start: dokuWiki, programs: wiki},
	{preset: "jupyter", needs: "/usr/bin/jupyter-server --version", page: "/api/contents", has: "notes.txt",
		closed: []string{"/login"},
		start: func(g *behindGate) *exec.Cmd {
			g.write("notes.txt", "hello")
			g.write(".jupyter/jupyter_server_config.py", g.file("~/.jupyter/jupyter_server_config.py"))
			return exec.Command("/usr/bin/jupyter-server", "--allow-root", "--no-browser")
		},
		programs: notebooks},
	{preset: "node-red", needs: "ls apps/node_modules/node-red", page: "/settings", names: address,
		closed: []string{"/auth/login", "/auth/strategy"},
		start: func(g *behindGate) *exec.Cmd {
			others := strings.TrimSpace(g.shell(`cat "$1"`, g.npm("node-red/settings.js")))
			g.write(".node-red/settings.js",
				strings.TrimSuffix(others, "}")+g.file("~/.node-red/settings.js, after all others")+"}\n")
			return g.node("node-red/red.js", "--port="+g.port)
		},
		programs: flows},
	{preset: "verdaccio", needs: "ls apps/node_modules/verdaccio", page: "/", has: "Verdaccio",
		closed: []string{"/-/verdaccio/sec/login"}, start: verdaccio, programs: packages,
		more: []string{"GATEPOST_TOKENS=/"}},
	{preset: "miniflux", needs: "go version", page: "/keys", names: address, closed: []string{"/?x"},
		start: miniflux, programs: feeds},
	{preset: "wordpress", needs: "ls /usr/share/wordpress/wp-load.php && php --ri mysqli && /usr/sbin/mariadbd --version",
		page: "/wp-admin/profile.php", closed: []string{"/wp-login.php"}, logout: "/logout",
		start: wordPress, programs: posts,
		names: func(p person) string { return "<span class=\"display-name\">" + strings.Fields(p.name)[0] }},
}

// node is a command of a package that `make e2e` installs with npm.
func (g *behindGate) node(file string, args ...string) *exec.Cmd {
	g.t.Helper()
	program, err := filepath.Abs(needNode22(g.t))
	if err != nil {
		g.t.Fatal(err)
	}
	return exec.Command(program, append([]string{g.npm(file)}, args...)...)
}

// npm is the path of a file of a package.
func (g *behindGate) npm(file string) string {
	g.t.Helper()
	path, err := filepath.Abs(filepath.Join("apps", "node_modules", file))
	if err != nil {
		g.t.Fatal(err)
	}
	return path
}

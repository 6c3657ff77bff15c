package acceptance_test

import (
	"regexp"
	"strings"

	"github.com/gatepost/gatepost/internal/seal"
)

// docPrepared prepares pages that need something before their first command. It returns words of the page with what
// they are here.
var docPrepared = prepared{
	"docs/agents.md": func(w *docWorld) []string { w.settings = "gatepost.env"; return nil },
	"docs/apps/README.md": func(w *docWorld) []string {
		return []string{". ./gate.env", `. ./gate.env; GATEPOST_PUBLIC_URL=$(echo https://grafana.example.com)
			GATEPOST_UPSTREAM=` + w.app.url}
	},
	"docs/database.md": func(w *docWorld) []string {
		w.first(`psql -Xqd "$DATABASE_URL" -c 'CREATE ROLE app'`)
		w.t.Cleanup(func() {
			w.first(`psql -Xqd "$DATABASE_URL" -c 'DROP DATABASE gate_db' -c 'DROP OWNED BY app, gate, gate_owner' \
				-c 'DROP ROLE app, gate, gate_owner'`)
		})
		return []string{
			"postgres://gatepost:a-long-random-password@localhost:5432/gatepost", as(w.t, w.database, "gate_db", "gate_owner"),
			"postgres://gatepost:a-long-random-password@localhost:5432/mydb", as(w.t, w.database, "", "gate_owner"),
			"postgres://gate:another-long-random-password@localhost:5432/gatepost", as(w.t, w.database, "", "gate"),
			"ROLE gatepost ", "ROLE gate_owner ", "DATABASE gatepost OWNER gatepost", "DATABASE gate_db OWNER gate_owner",
			"DATABASE mydb TO gatepost", "DATABASE " + databaseOf(w) + " TO gate_owner",
		}
	},
	"docs/deploy.md": func(w *docWorld) []string { w.authority(); return nil },
	"docs/doctor.md": func(w *docWorld) []string {
		w.authority()
		w.write("password", "a quiet river at noon\n")
		w.first(`gatepost serve; curl -fs -H "Origin: ` + w.url + `" -d name=Test -d email=test@example.com \
			-d "password=a quiet river at noon" ` + w.url + `/signup`)
		return []string{"https://app.example.com", w.url, "https://app.internal.example", w.url,
			"/etc/ssl/our-authority.pem", w.root + "/etc/gatepost/ca.pem", "203.0.113.7:3000", "127.0.0.1:" + freePort(w.t)}
	},
	"docs/install.md": func(w *docWorld) []string {
		const name = "gatepost-v1.2.3-linux-amd64"
		w.first(`mkdir ` + name + `; cp "$PROGRAM" ` + name + `; "$PROGRAM" man >` + name + `/gatepost.1
			tar czf ` + name + `.tar.gz ` + name + `; touch ` + name + `.deb ` + name + `.rpm gatepost.key
			sha256sum ` + name + `.tar.gz >gatepost-v1.2.3-checksums.txt; touch "$ROOT/etc/gatepost/env"`)
		return nil
	},
	"docs/operate.md": func(w *docWorld) []string {
		id := regexp.MustCompile(`[A-Z2-7]{26}`).FindString(w.first(`gatepost user create ada@example.com >/dev/null
			gatepost user show --json ada@example.com`))
		return []string{"<id of the user>", id, "--dbname=mydb", "--dbname='" + w.database + "'", " mydb ",
			" '" + w.database + "' "}
	},
	"docs/private-ca.md": func(w *docWorld) []string {
		w.keeps = true
		port := freePort(w.t)
		return []string{"localhost:8443", "localhost:" + port, "=gate.", "=" + w.dir + "/gate."}
	},
	"docs/rules.md": func(w *docWorld) []string {
		w.env = append(w.env, "GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
		return nil
	},
	"docs/second-factors.md": func(w *docWorld) []string { return w.someoneHasAnApp() },
	"docs/sign-in-with.md": func(w *docWorld) []string {
		w.env = append(w.env, "GATEPOST_PUBLIC_URL=https://app.example.com", "GATEPOST_GOOGLE_CLIENT_ID=an-id",
			"GATEPOST_GOOGLE_CLIENT_SECRET=a-secret", "GATEPOST_ENCRYPTION_KEY="+w.first("gatepost key new"))
		w.first(`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$ROOT/etc/gatepost/apple.p8"`)
		return []string{"CLIENT_ID=…", "CLIENT_ID=an-id"}
	},
	"docs/tokens.md": func(w *docWorld) []string {
		w.env = append(w.env, "GATEPOST_PROTECT=/", "GATEPOST_TOKENS=/api, /git")
		w.first("gatepost user create ada@example.com && gatepost serve")
		// The app has no repository; TestGitClonesAndPushesWithAToken does.
		return []string{"git clone https://ada:$TOKEN@app.example.com", "curl -fsS " +
			strings.Replace(w.url, "://", "://ada:$TOKEN@", 1), "https://app.example.com", w.url}
	},
	"docs/users.md": func(w *docWorld) []string { return w.someoneHasAnApp() },
}

// prepared has for a page what is done before its first command.
type prepared map[string]func(*docWorld) []string

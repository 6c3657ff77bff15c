package acceptance_test

import "os"

// standIns are programs that stand in for what cannot run here: they need a machine of their own, the network, or
// minutes. Each looks at its arguments as far as this repository can be asked.
var standIns = map[string]struct{ why, script string }{
	"gatepost": {"serve has to go on while the next commands run, until the page serves again; preview does not end", `
		case $1 in
		serve) ;;
		preview) # it goes on, too: until it answers
			"$PROGRAM" preview --listen localhost:0 >"$ROOT/preview.log" 2>&1 &
			until grep -q http:// "$ROOT/preview.log"; do kill -0 $! || { cat "$ROOT/preview.log"; exit 1; }; sleep .05; done
			kill $!
			exit 0 ;;
		*) exec "$PROGRAM" "$@" ;;
		esac
		[ ! -e "$ROOT/pids" ] || { kill $(cat "$ROOT/pids"); : >"$ROOT/pids"; }
		while curl -fs -o /dev/null "$UP"; do sleep .05; done
		"$PROGRAM" serve >>"$ROOT/serve.log" 2>&1 &
		echo $! >"$ROOT/pids"
		until curl -fs -o /dev/null "$UP"; do kill -0 $! || { cat "$ROOT/serve.log"; exit 1; }; sleep .05; done`},
	"make": {"the targets take minutes; each has to be in the Makefile", `
		for word; do case $word in
		*=*) grep -q "${word%%=*}" "$TOP/Makefile" "$TOP"/scripts/release || exit 1 ;;
		*) grep -q "^$word:" "$TOP/Makefile" || exit 1 ;;
		esac; done`},
	"systemctl": {"there is no systemd in a container; a unit has to be in deploy/ or in the package", `
		case $1 in enable) [ "$2" = --now ] && shift ;; restart | reload) ;; *) exit 1 ;; esac
		shift
		for unit; do find "$TOP/deploy" "$TOP/scripts/release" -name "${unit%.*}.*" | grep -q . || exit 1; done`},
	"docker": {"there is no docker; files have to be there, and a subcommand of the program has to be one", `
		case "$1 $2" in
		"compose up") [ -e compose.yaml ] ;;
		"build -t" | "buildx build") [ -e Dockerfile ] ;;
		run*) for last; do :; done; "$PROGRAM" "$last" --help >/dev/null ;;
		*) exit 1 ;;
		esac`},
	"apt":    {"it would install on this machine", `[ "$1" = install ] && [ -e "$2" ]`},
	"dnf":    {"there is none on Debian", `[ "$1" = install ] && [ -e "$2" ]`},
	"editor": {"nobody types here", `[ -e "$1" ]`},
	"update-ca-certificates": {"it would change what this machine trusts",
		`[ -e "$ROOT/usr/local/share/ca-certificates/our-authority.crt" ]`},
	"minisign": {"it is not on every machine; what release signs has a test", `
		[ "$1 $2 $4" = "-V -P -m" ] && [ -e "$5" ]`},
	"go": {"it would fetch modules; the tool has to be in the list", `
		[ "$1" = tool ] && [ "$3" = minisign ] && grep -q minisign "${2#-modfile=}"`},
	"npm":    {"docs/frameworks.md has it: the apps of others, which make e2e runs", `[ "$1" = run ]`},
	"npx":    {"as npm", `[ "$1" = next ]`},
	"python": {"as npm", `[ "$1" = manage.py ]`},
	"php":    {"as npm; and of Nextcloud, which is not here", `[ "$1" = artisan ] || [ "$1" = occ ]`},
	"rails":  {"as npm", `case $1 in server | generate | db:migrate) ;; *) exit 1 ;; esac`},
}

// standIns puts the programs that stand in first on the path.
func (w *docWorld) standIns() {
	w.t.Helper()
	for name, s := range standIns {
		w.must(os.WriteFile(w.root+"/bin/"+name, []byte("#!/bin/sh\nset -eu\n"+s.script+"\n"), 0o755))
	}
	for _, name := range []string{"gatepost", "rails"} { // which pages call by their place
		w.must(os.Symlink(w.root+"/bin/"+name, w.dir+"/bin/"+name))
	}
}

package e2e

import (
	"encoding/base64"
	"os/exec"
	"strings"
	"testing"
)

// wordPress runs Debian's WordPress from a copy, on a MariaDB of its own. The first administrator is from before the
// gate.
func wordPress(g *behindGate) *exec.Cmd {
	g.shell(`mariadb-install-db --no-defaults --user=root --datadir="$PWD/db" --auth-root-authentication-method=normal \
		--skip-test-db; cp -rL /usr/share/wordpress www`)
	server := exec.Command("/usr/sbin/mariadbd", "--no-defaults", "--user=root", "--datadir="+g.dir+"/db",
		"--socket="+g.dir+"/socket", "--skip-networking")
	g.launch("MariaDB", server, func() bool {
		return exec.Command("mariadb", "--no-defaults", "--socket="+g.dir+"/socket", "--user=root", "--execute",
			"CREATE DATABASE IF NOT EXISTS wordpress").Run() == nil
	})
	g.write("www/wp-config.php", "<?php\n"+g.file("wp-config.php, above the line that says to stop editing")+`
		$table_prefix = 'wp_';
		foreach (['DB_NAME' => 'wordpress', 'DB_USER' => 'root', 'DB_PASSWORD' => '', 'DB_CHARSET' => 'utf8mb4',
			'DB_HOST' => 'localhost:`+g.dir+`/socket', 'DB_COLLATE' => '', 'ABSPATH' => __DIR__ . '/',
			'WP_HTTP_BLOCK_EXTERNAL' => true, 'DISABLE_WP_CRON' => true,
			'WP_ENVIRONMENT_TYPE' => 'local'] as $name => $value) { // local: application passwords without https
			defined($name) || define($name, $value);
		}
		require_once ABSPATH . 'wp-settings.php';
	`)
	g.shell(`php "$1"`, g.write("install.php", `<?php
		define('WP_INSTALLING', true);
		require 'www/wp-load.php';
		require ABSPATH . 'wp-admin/includes/upgrade.php';
		add_filter('pre_http_request', fn() => new WP_Error('alone', 'It does not run yet.'));
		wp_install('Site', 'root', 'root@example.com', true, '', 'rootroot12');
	`))
	g.write("www/wp-content/mu-plugins/gatepost.php", g.file("wp-content/mu-plugins/gatepost.php"))
	return exec.Command("php", "-S", "127.0.0.1:"+g.port, "-t", "www")
}

// posts tests that passwords open nothing, that scripts of pages need WordPress's nonce, and that programs come with
// an application password.
func posts(t *testing.T, g *behindGate, b *browserOf) {
	const me = "/index.php?rest_route=/wp/v2/users/me"
	basic := func(word string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("root:"+word))
	}
	word := strings.TrimSpace(g.shell(`php "$1"`, g.write("word.php", `<?php
		require 'www/wp-load.php';
		echo WP_Application_Passwords::create_new_application_password(1, ['name' => 'program'])[0];
	`)))
	if status, text := g.get(t, "GET", me, "", basic(word)); status != 200 || !strings.Contains(text, `"name":"root"`) {
		t.Errorf("a program with an application password: %d %s", status, text)
	}
	if status, text := g.get(t, "GET", me, "", basic("rootroot12")); status != 401 || fromTheGate(text) {
		t.Errorf("a program with a password: %d %s", status, text)
	}
	if res, text := b.ask("GET", me, "", nil); res.StatusCode != 401 {
		t.Errorf("a script without a nonce: %d %s", res.StatusCode, text)
	}
	const call = `<?xml version="1.0"?><methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>` +
		`<string>root</string></value></param><param><value><string>rootroot12</string></value></param></params>` +
		`</methodCall>`
	if _, text := g.get(t, "POST", "/xmlrpc.php", call, "Content-Type: text/xml"); !strings.Contains(text, "fault") {
		t.Errorf("XML-RPC with a password: %s", text)
	}
}

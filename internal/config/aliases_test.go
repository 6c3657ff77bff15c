package config

import (
	"strings"
	"testing"
)

func TestAliases(t *testing.T) {
	t.Parallel()
	load := func(public, aliases string) (*Config, string) {
		c, err := Load(t.Context(), environ(map[string]string{"GATEPOST_PUBLIC_URL": public,
			"GATEPOST_PUBLIC_URL_ALIASES": aliases, "GATEPOST_DATA_DIR": "/var/lib/x", "GATEPOST_ALLOW_HTTP": "true"}))
		if err != nil {
			return c, err.Error()
		}
		return c, ""
	}
	for aliases, want := range map[string]string{
		"app.example.com":               `"app.example.com" is not a URL like`,
		"https://www.example.com/a":     "has a path",
		"ftp://www.example.com":         "is not a URL like",
		"https://www.example.com:x":     "is not a URL like",
		"https://me:secret@example.com": "GATEPOST_PUBLIC_URL_ALIASES: this is not what the setting takes",
		"https://app.example.com":       "has the host of GATEPOST_PUBLIC_URL",
		"https://APP.example.com:443/":  "has the host of GATEPOST_PUBLIC_URL",
		"https://a.example, b.example":  `"b.example" is not a URL like`,
	} {
		if _, err := load("https://app.example.com", aliases); !strings.Contains(err, want) ||
			strings.Contains(err, "secret") {
			t.Errorf("%s: got %q, want %q", aliases, err, want)
		}
	}
	for public, origins := range map[string]int{"https://app.example.com": 2, "http://app.example.com": 3} {
		c, err := load(public, "https://www.example.com, http://10.0.0.5:8080, https://bücher.example:443/,")
		if err != "" || len(c.Aliases) != 3 || len(c.Origins) != origins || c.Aliases[2].Host != "xn--bcher-kva.example" {
			t.Errorf("%s: %v, %v, %s", public, c.Aliases, c.Origins, err)
		}
	}
}

func TestForwardedHeadersNeedAProxy(t *testing.T) {
	t.Parallel()
	for values, want := range map[[2]string]string{
		{"X-Forwarded-Port", ""}:                "list your proxy in GATEPOST_TRUSTED_PROXIES",
		{"X-Forwarded-Host", "10.0.0.1"}:        `"X-Forwarded-Host" is none of`,
		{"X-Forwarded-Port, a", "10.0.0.1"}:     `"a" is none of`,
		{"X-Forwarded-Prefix", "10.0.0.0/33"}:   "GATEPOST_TRUSTED_PROXIES: ",
		{"x-forwarded-prefix", "10.0.0.1"}:      "",
		{" X-Forwarded-Prefix ,", "10.0.0.0/8"}: "",
		{"", ""}:                                "",
	} {
		_, err := Load(t.Context(), environ(map[string]string{"GATEPOST_FORWARDED_HEADERS": values[0],
			"GATEPOST_TRUSTED_PROXIES": values[1]}))
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) ||
			strings.Count(err.Error(), "\n") > 0) {
			t.Errorf("%q: got %v, want %q", values, err, want)
		}
	}
}

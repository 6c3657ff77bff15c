package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/gatepost/gatepost/proxy"
)

func (c *Config) checkPublicURL(list *Faults) {
	c.AllowHTTP = c.parseBool(list, "GATEPOST_ALLOW_HTTP", c.Settings.AllowHTTP)
	if c.Settings.PublicURL == "" {
		c.Settings.PublicURL = c.localURL(*list)
	}
	c.PublicURL = &url.URL{Scheme: "http", Host: "localhost"}
	u, err := url.Parse(strings.TrimSuffix(c.Settings.PublicURL, "/"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !ValidPort(u):
		list.Add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s is not a URL like https://app.example.com",
			Quote(c.Settings.PublicURL)))
		return
	case u.User != nil:
		list.Add(errors.New("GATEPOST_PUBLIC_URL takes no user name or password"))
		return
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		list.Add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s has a path: the gate stands in front of a whole site, so name "+
			"only scheme, host and port", Quote(c.Settings.PublicURL)))
	case u.Scheme == "http" && !proxy.IsLoopback(u.Hostname()) && !c.AllowHTTP:
		list.Add(fmt.Errorf("GATEPOST_PUBLIC_URL: %s would send passwords unencrypted: use https://, or set "+
			"GATEPOST_ALLOW_HTTP=true if nobody can listen in", Quote(c.Settings.PublicURL)))
	}
	c.PublicURL = &url.URL{Scheme: u.Scheme, Host: AsBrowsersSay(u)}
	if c.Settings.AppName == "" {
		c.Settings.AppName = c.PublicURL.Host
	}
	if utf8.RuneCountInString(c.Settings.AppName) > maxAppName || strings.ContainsFunc(c.Settings.AppName,
		unicode.IsControl) || !utf8.ValidString(c.Settings.AppName) {
		list.Add(fmt.Errorf("GATEPOST_APP_NAME: %s is to have at most %d characters, on one line",
			Quote(c.Settings.AppName), maxAppName))
	}
}

// localURL is the public URL of a gate that only this machine can reach. A listener with a fault, of which the operator
// knows, has the usual port.
func (c *Config) localURL(list Faults) string {
	_, port, err := net.SplitHostPort(c.Settings.Listen)
	if err != nil || list.about("GATEPOST_LISTEN") || list.about("PORT") {
		port = "8080"
	}
	return "http://localhost:" + port
}

// nameless reports whether the name of the app is only the host of the public URL.
func (c *Config) nameless() bool { return c.Settings.AppName == c.PublicURL.Host }

// maxAppName is in characters. It is what a page and a browser tab can show.
const maxAppName = 100

// ValidPort reports whether the URL has no port, or one from 0 to 65535.
func ValidPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil
}

// AsBrowsersSay is the host of a URL as browsers write it in the Host and Origin headers: in ASCII, and without the
// default port of its scheme.
func AsBrowsersSay(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if name, err := idna.Lookup.ToASCII(u.Hostname()); err == nil {
		host = name
		if u.Port() != "" {
			host = net.JoinHostPort(name, u.Port())
		}
	}
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

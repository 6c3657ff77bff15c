package config

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

func (c *Config) checkPages(list *Faults) {
	if !CleanPath(c.Settings.Pages) {
		list.Add(fmt.Errorf("GATEPOST_PAGES: %s is not a plain path like /auth", Quote(c.Settings.Pages)))
	}
	if c.Pages = strings.TrimSuffix(c.Settings.Pages, "/"); below(c.Pages, "/.gatepost") || below(c.Pages, APIAuth) {
		list.Add(fmt.Errorf("GATEPOST_PAGES: %s is taken by Gatepost's own routes: choose another prefix",
			Quote(c.Settings.Pages)))
	}
	c.checkLanding(list, "GATEPOST_HOME", c.Settings.Home)
	if c.Settings.LogoutHome != "" && c.Settings.LogoutHome != c.Pages+"/login" {
		c.checkLanding(list, "GATEPOST_LOGOUT_HOME", c.Settings.LogoutHome)
	}
	c.LogoutPaths = c.appPaths(list, "GATEPOST_LOGOUT_PATHS", c.Settings.LogoutPaths, "/user/logout")
	c.CrossSitePaths = c.appPaths(list, "GATEPOST_CROSS_SITE_POST", c.Settings.CrossSitePost, "/saml/acs")
	if c.Settings.SignUp != "open" && c.Settings.SignUp != "invite" && c.Settings.SignUp != "closed" {
		list.Add(fmt.Errorf("GATEPOST_SIGNUP: %s is none of open, invite and closed", Quote(c.Settings.SignUp)))
	}
	c.SignUpClosed, c.ByInvitation = c.Settings.SignUp != "open", c.Settings.SignUp == "invite"
	c.SignUpLimit = c.parseCount(list, "GATEPOST_SIGNUP_LIMIT", c.Settings.SignUpLimit)
	c.SignUpTotal = c.parseCount(list, "GATEPOST_SIGNUP_TOTAL", c.Settings.SignUpTotal)
}

// CleanPath reports whether every parser reads s as the same path.
func CleanPath(s string) bool {
	u, err := url.Parse(s)
	return err == nil && strings.HasPrefix(s, "/") && u.Path == s && u.EscapedPath() == s &&
		path.Clean(s) == "/"+strings.Trim(s, "/") && !strings.ContainsAny(s, "%;")
}

// checkLanding checks a page of the app that people come to.
func (c *Config) checkLanding(list *Faults, name, path string) {
	switch {
	case !CleanPath(path):
		list.Add(fmt.Errorf("%s: %s is not a plain path like /dashboard", name, Quote(path)))
	case below(path, "/.gatepost"), below(path, APIAuth) && !c.APIAuthApp:
		list.Add(fmt.Errorf("%s: %s is taken by Gatepost's own routes, and no place to land on: name a page of your app",
			name, Quote(path)))
	case c.entrance(path):
		list.Add(fmt.Errorf("%s: %s is where people log in and out, and no place to land on: name a page of your app",
			name, Quote(path)))
	}
}

// appPaths reads a list of single paths of the app's.
func (c *Config) appPaths(list *Faults, name, written, example string) (paths []string) {
	for path := range strings.SplitSeq(written, ",") {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		if !CleanPath(path) || path == "/" || strings.Contains(path, "*") {
			list.Add(fmt.Errorf("%s: %s is not a plain path like %s", name, Quote(path), example))
		} else if below(path, "/.gatepost") || below(path, APIAuth) || c.ownPath(path) {
			list.Add(fmt.Errorf("%s: %s is Gatepost's own already: leave it out", name, Quote(path)))
		}
		paths = append(paths, path)
	}
	return paths
}

// ownPath reports whether a path is that of one of the gate's pages, which are below GATEPOST_PAGES.
func (c *Config) ownPath(path string) bool {
	return below(path, c.Pages+"/account") || c.entrance(path)
}

// entrance reports whether a path is where people log in and out here.
func (c *Config) entrance(path string) bool {
	page, ours := strings.CutPrefix(path, c.Pages)
	return ours && slices.Contains([]string{"/login", "/signup", "/register", "/logout"}, page)
}

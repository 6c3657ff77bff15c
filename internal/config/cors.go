package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/proxy"
)

// corsExample is how GATEPOST_CORS is written.
const corsExample = "/api=https://a.example.com|https://b.example.com"

// checkCORS reads which pages of other origins may read the app's answers.
func (c *Config) checkCORS(list *Faults) {
	var seen []string
	for entry := range strings.SplitSeq(c.Settings.CORS, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		prefix, written, ok := strings.Cut(entry, "=")
		prefix = strings.TrimSpace(prefix)
		if !ok {
			list.Add(fmt.Errorf("GATEPOST_CORS: %s names no origin (example: %s)", Quote(entry), corsExample))
			continue
		}
		err := c.checkCORSPrefix(prefix, seen)
		origins, err2 := c.corsOrigins(written)
		if err = errors.Join(err, err2); err != nil {
			list.addEach("GATEPOST_CORS", err)
			continue
		}
		seen = append(seen, prefix)
		c.CORS = c.CORS.With(prefix, c.PublicURL, origins...)
	}
}

func (c *Config) checkCORSPrefix(prefix string, seen []string) error {
	switch {
	case !CleanPath(prefix) || strings.Contains(prefix, "*"):
		return fmt.Errorf("%s is not a plain path like /api", Quote(prefix))
	case below(prefix, "/.gatepost"), below(prefix, APIAuth) && !c.APIAuthApp:
		return fmt.Errorf("%s is Gatepost's own, and answers no page of another origin: leave it out", Quote(prefix))
	case slices.Contains(seen, prefix):
		return fmt.Errorf("%s is there twice: put all its origins into one entry, with | between them", Quote(prefix))
	}
	return nil
}

func (c *Config) corsOrigins(written string) (origins []*url.URL, err error) {
	for one := range strings.SplitSeq(written, "|") {
		one = strings.TrimSpace(one)
		u, fault := parseOrigin(one)
		switch {
		case strings.Contains(one, "*") || one == "null":
			fault = errors.New("is not one origin: name each, as any page on the web could be meant")
		case fault == nil && u.Scheme == c.PublicURL.Scheme && u.Host == c.PublicURL.Host:
			fault = errors.New("is the site itself, which needs no leave: leave it out")
		}
		if fault != nil {
			err = errors.Join(err, fmt.Errorf("%s %w", Quote(one), fault))
			continue
		}
		origins = append(origins, u)
	}
	return origins, err
}

// corsDoubts are about pages that can only come with tokens.
func (c *Config) corsDoubts() (list []string) {
	for entry := range strings.SplitSeq(c.Settings.CORS, ",") {
		_, written, _ := strings.Cut(entry, "=")
		for one := range strings.SplitSeq(written, "|") {
			if u, err := parseOrigin(strings.TrimSpace(one)); err == nil && !proxy.SameSite(u, c.PublicURL) {
				list = append(list, fmt.Sprintf("GATEPOST_CORS: browsers send no cookie of %s with requests of pages at %s, "+
					"which is another site: these are signed in by tokens only", c.PublicURL, one))
			}
		}
	}
	return list
}

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/gatepost/gatepost/loginui"
)

// checkBrand reads the files for the look of the pages, and renders the pages with them.
func (c *Config) checkBrand(list *Faults) {
	before := len(*list)
	b := &c.Brand
	var err error
	if c.Settings.Logo != "" {
		b.Logo, err = loginui.ReadLogo(c.Settings.Logo)
		list.Add(named("GATEPOST_LOGO", err))
	}
	if c.Settings.Accent != "" {
		b.Accent, err = loginui.ParseAccent(c.Settings.Accent)
		list.Add(named("GATEPOST_ACCENT", err))
	}
	b.Terms, b.Privacy = c.checkLink(list, "GATEPOST_TERMS_URL", c.Settings.TermsURL),
		c.checkLink(list, "GATEPOST_PRIVACY_URL", c.Settings.PrivacyURL)
	b.Stylesheet, err = readStylesheet(c.Settings.Stylesheet)
	list.Add(named("GATEPOST_STYLESHEET", err))
	b.Languages, err = parseLanguages(c.Settings.Languages)
	list.Add(named("GATEPOST_LANGUAGES", err))
	b.Overrides, err = openOverrides(c.Settings.Overrides)
	list.Add(named("GATEPOST_OVERRIDES", err))
	if len(*list) == before && (b.Overrides != nil || b.Languages != nil) {
		_, err = c.UI(nil, slog.New(slog.DiscardHandler)) // warnings are logged at start
		if errors.Is(err, loginui.ErrNoLanguage) {
			list.Add(named("GATEPOST_LANGUAGES", err))
		} else {
			list.addEach("GATEPOST_OVERRIDES", err)
		}
	}
}

func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

// checkLink checks the address of a page, on this site or elsewhere.
func (c *Config) checkLink(list *Faults, name, s string) string {
	u, err := url.Parse(s)
	switch {
	case s == "":
	case err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil:
	case err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.ContainsAny(s, `\`):
	default:
		list.Add(fmt.Errorf("%s: %s is neither an address like https://example.com/terms nor a path like /terms", name,
			Quote(s)))
	}
	if strings.HasPrefix(s, "/") && len(*list) == 0 && !c.Rules.For(http.MethodGet, u.EscapedPath()).Public {
		list.Add(fmt.Errorf("%s: %s needs a login, and people want to read it before they have one: add it to "+
			"GATEPOST_PUBLIC", name, s))
	}
	return s
}

// maxStylesheet is in bytes. Everybody who signs in loads it.
const maxStylesheet = 64 << 10

func readStylesheet(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", Quote(file), reason(err))
	case len(content) > maxStylesheet:
		return nil, fmt.Errorf("%s has %d KiB, and everybody who logs in loads it: at most %d KiB", Quote(file),
			len(content)>>10, maxStylesheet>>10)
	case strings.ContainsRune(string(content), 0):
		return nil, fmt.Errorf("%s is no stylesheet", Quote(file))
	}
	return content, nil
}

// reason removes the file name from an error, as the message has it already.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func parseLanguages(s string) ([]string, error) {
	var names []string
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		tag, err := language.Parse(entry)
		if err != nil {
			return nil, fmt.Errorf("%s is not a language (examples: en, es, zh-Hans)", Quote(entry))
		}
		if slices.Contains(names, tag.String()) {
			return nil, fmt.Errorf("%s is there twice", tag)
		}
		names = append(names, tag.String())
	}
	return names, nil
}

func openOverrides(dir string) (fs.FS, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", Quote(dir), reason(err))
	}
	for _, e := range entries {
		if e.Name() != "templates" && e.Name() != "messages" && !strings.HasPrefix(e.Name(), ".") {
			return nil, fmt.Errorf("%s holds %s; it can have the directories templates and messages",
				Quote(dir), Quote(e.Name()))
		}
	}
	return os.DirFS(dir), nil
}

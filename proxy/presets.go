package proxy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/internal/spelling"
)

// presets are lists of public rules that one entry of GATEPOST_PUBLIC stands for.
var presets = map[string][]string{"@assets": assets}

// assets are what browsers, phones and other programs fetch without cookies, by the names that they have everywhere:
// web app manifests (W3C, Web Application Manifest), icons (HTML, "link type icon"; Apple's and Microsoft's names, and
// those of the usual generators), robots.txt (RFC 9309) and what is well known (RFC 8615).
var assets = []string{
	"GET /manifest.json", "GET /*.webmanifest",
	"GET /favicon.ico", "GET /favicon.svg", "GET /favicon.png", "GET /favicon-*", "GET /apple-touch-icon*",
	"GET /android-chrome-*", "GET /mstile-*", "GET /safari-pinned-tab.svg", "GET /browserconfig.xml",
	"GET /robots.txt", wellKnownPaths,
}

const wellKnownPaths = "GET /.well-known/*"

// keptWellKnown are well-known paths of IANA's registry and of widespread programs that @assets leaves alone, since
// what they do is not for everybody: change-password is the gate's own; webfinger says who has an account; appspecific
// names folders of a developer's machine; mercure sends what changes in the app; jmap leads to mail; masque and
// ohttp-gateway forward to other servers; est, cmp, brski and stun-key hand out keys; core and wot list devices.
var keptWellKnown = []string{"change-password", "webfinger", "appspecific", "mercure", "jmap", "masque",
	"ohttp-gateway", "est", "cmp", "brski", "stun-key", "core", "wot"}

// cutPresets takes the presets out of a list of public rules. It returns the rest and the rules that they stand for.
func cutPresets(list string) (rest string, rules []rule, err error) {
	var others, seen []string
	var faults []error
	for entry := range strings.SplitSeq(list, ",") {
		name := strings.TrimSpace(entry)
		if !strings.HasPrefix(name, "@") {
			others = append(others, entry)
			continue
		}
		switch known := slices.Sorted(maps.Keys(presets)); {
		case presets[name] == nil:
			meant := "there is " + strings.Join(known, ", ")
			if near, ok := spelling.Near(name, known); ok {
				meant = "did you mean " + near + "?"
			}
			faults = append(faults, fmt.Errorf("GATEPOST_PUBLIC: there is no preset %q; %s", name, meant))
		case slices.Contains(seen, name):
			faults = append(faults, fmt.Errorf("GATEPOST_PUBLIC: names the preset %s twice", name))
		}
		seen = append(seen, name)
		rules = append(rules, presetRules(name)...)
	}
	if len(seen) > 0 && strings.TrimSpace(strings.Join(others, "")) == "" {
		others = nil
	}
	return strings.Join(others, ","), rules, errors.Join(faults...)
}

// presetRules are the rules of a preset.
func presetRules(name string) (list []rule) {
	for _, entry := range presets[name] {
		ru, err := parseRule(entry, true)
		if err != nil {
			panic(fmt.Sprintf("preset %s: %v", name, err)) // our own text
		}
		ru.text, ru.preset = name+": "+entry, name
		if ru.file = entry != wellKnownPaths; !ru.file {
			ru.except = namesBelow("/.well-known/", keptWellKnown)
		}
		list = append(list, ru)
	}
	return list
}

// namesBelow are rules that only match, for plain names in lower case below a folder.
func namesBelow(folder string, names []string) (list []rule) {
	for _, name := range names {
		list = append(list, rule{prefix: folder + name, folded: folder + name})
	}
	return list
}

package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// Read fills the settings from the environment. An empty variable counts as not set, because container tools pass
// empty variables for missing values.
func Read(ctx context.Context, env []string) (Settings, Faults) {
	values := map[string]string{}
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok && tidy(value) != "" {
			values[name] = tidy(value)
		}
	}
	known := knownSettings(values)
	list := misplaced(values, known)
	for _, k := range known {
		if k.Secret {
			list.Add(readSecretFile(values, k.Name))
		}
		if value, ok := values[k.Name]; ok && k.List {
			values[k.Name] = asList(value)
			list.Add(hasEntry(k.Name, values))
		}
	}
	list = append(list, unknown(values, known)...)
	var s Settings
	list.Add(envconfig.ProcessWith(ctx, &envconfig.Config{Target: &s, Lookuper: envconfig.MapLookuper(values)}))
	var err error
	s.ByProvider, err = readProviders(ctx, values)
	list.Add(err)
	for _, value := range []*string{&s.OpsListen, &s.HSTS, &s.AuditRetention, &s.VerifyEmail, &s.UpstreamConnAge} {
		*value = orOff(*value)
	}
	for _, value := range []*string{&s.VerifyEmail, &s.SignUp, &s.LogFormat} {
		*value = strings.ToLower(*value)
	}
	return s, list
}

// hasEntry refuses a list of nothing but commas: its author meant something, and an empty list of who may come lets
// everybody come.
func hasEntry(name string, values map[string]string) error {
	value := values[name]
	if strings.Trim(value, ", \t") != "" {
		return nil
	}
	delete(values, name)
	return fmt.Errorf("%s: %s is a list without an entry: write one, or unset it", name, Quote(value))
}

// readSecretFile reads a secret from the file that NAME_FILE names. Container platforms mount secrets as files.
func readSecretFile(values map[string]string, name string) error {
	file, ok := values[name+"_FILE"]
	if !ok {
		return nil
	}
	if values[name] != "" {
		return fmt.Errorf("%s and %s_FILE are both set: keep one", name, name)
	}
	b, err := os.ReadFile(file)
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return fmt.Errorf("%s_FILE: cannot read %s: %w", name, Quote(file), pathErr.Err)
	case err != nil:
		return fmt.Errorf("%s_FILE: %w", name, err)
	}
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return fmt.Errorf("%s_FILE: %s is in UTF-16, as PowerShell writes files: save it as UTF-8", name, Quote(file))
	}
	if values[name] = tidy(string(b)); values[name] == "" {
		return fmt.Errorf("%s_FILE: %s is empty", name, Quote(file))
	}
	return nil
}

// unknown reports GATEPOST_ variables that are not settings. A misspelt setting would otherwise be ignored, and
// with it the protection it asks for.
func unknown(values map[string]string, known []Setting) Faults {
	names := map[string]bool{}
	for _, k := range known {
		names[k.Name] = true
		if k.Secret {
			names[k.Name+"_FILE"] = true
		}
	}
	var list Faults
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(name, "GATEPOST_") || names[name] || injected(name) {
			continue
		}
		if strings.HasPrefix(name, oidcPrefix) && !variableName.MatchString(name) {
			list.Add(errors.New("a variable whose name begins with " + oidcPrefix + " is not a setting: the name of a " +
				"provider is up to 30 capital letters and digits and begins with a letter, as in " + oidcPrefix +
				"CORP_ISSUER; the value is not shown, as it may hold a password"))
			continue
		}
		if !variableName.MatchString(name) { // a piece of a file cut in the wrong place, which may hold a secret
			list.Add(errors.New("a variable whose name begins with GATEPOST_ is not a setting, and its name is not " +
				"shown, as it may hold a password: look at how the environment is written"))
			continue
		}
		list.Add(fmt.Errorf("%s is not a setting%s", name, meant(name, slices.Sorted(maps.Keys(names)))))
	}
	return list
}

// variableName matches names of settings, also misspelt ones.
var variableName = regexp.MustCompile(`^[A-Za-z_]+[0-9]?$|^` + oidcPrefix + oidcName + `_[A-Z_]+$`)

// injected reports whether Kubernetes sets the variable in every pod beside a service named gatepost.
func injected(name string) bool {
	return strings.HasPrefix(name, "GATEPOST_SERVICE_") || name == "GATEPOST_PORT" ||
		strings.HasPrefix(name, "GATEPOST_PORT_")
}

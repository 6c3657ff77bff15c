package config

import (
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// inCode are the fields whose names an operator never wrote.
func inCode() (names []string) {
	for _, t := range []reflect.Type{reflect.TypeFor[Settings](), reflect.TypeFor[ProviderSettings](),
		reflect.TypeFor[Config](), reflect.TypeFor[provider.Spec](), reflect.TypeFor[provider.AppleKey](),
		reflect.TypeFor[provider.Options](), reflect.TypeFor[auth.Options](), reflect.TypeFor[loginui.Config](),
		reflect.TypeFor[proxy.Proxy]()} {
		for _, f := range reflect.VisibleFields(t) {
			names = append(names, f.Name)
		}
	}
	return names
}

// capital matches a word with a capital that begins no sentence.
var capital = regexp.MustCompile(`[^.?!"/] \(?([A-Z][A-Za-z]*[a-z][A-Za-z]*)\b`)

// Whatever is wrong with a setting, its faults name settings as the operator writes them, and no field of the code.
func TestFaultsNameNoFieldOfTheCode(t *testing.T) {
	t.Parallel()
	fields, brands := inCode(), []string{"Apple", "Log"}
	base := with(nil)
	names := []string{"GATEPOST_LOGOUT_HOME"}
	for _, k := range knownSettings(base) {
		names = append(names, k.Name)
	}
	for _, name := range names {
		for _, value := range []string{" , ", "x", "-1", "a b", "http://", "//x", "é", "a=b=c", "127.0.0.1", "", "*"} {
			list := faultsWith(t, map[string]string{name: value})
			for _, m := range capital.FindAllStringSubmatch(list.Error(), -1) {
				if slices.Contains(fields, m[1]) && !slices.Contains(brands, m[1]) {
					t.Errorf("%s=%q speaks of %s: %s", name, value, m[1], list.Error())
				}
			}
		}
	}
}

// What only a provider itself finds wrong is told by the setting, too.
func TestAFaultOfAProviderNamesTheSetting(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{"ClientID": "GATEPOST_OIDC_CORP_CLIENT_ID is wrong",
		"Apple.KeyID": "GATEPOST_OIDC_CORP_KEY_ID is wrong", "RoleClaim": "GATEPOST_OIDC_CORP_ROLE_CLAIM is wrong",
		"Callback": "GATEPOST_OIDC_CORP_… is wrong", "Name": "GATEPOST_OIDC_CORP_… is wrong"} {
		got := ProviderFault("corp", &provider.FieldError{Field: field, Problem: "is wrong"})
		if got == nil || got.Error() != want {
			t.Errorf("%s: got %v, want %s", field, got, want)
		}
	}
	if ProviderFault("corp", nil) != nil {
		t.Error("a fault without one")
	}
}

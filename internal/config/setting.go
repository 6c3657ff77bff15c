package config

import (
	"reflect"
	"slices"
	"strings"
)

// Setting is one variable, for listing them.
type Setting struct {
	Name, Value string
	Secret      bool
	List        bool // takes several entries
	Needed      bool // has no default, and the rest is nothing without it
}

// All lists the settings in the order of the struct, and then those that are set for providers.
func (s Settings) All() []Setting {
	list := settingsOf(reflect.ValueOf(s), "", "")
	for _, p := range s.ByProvider {
		for _, k := range p.All() {
			if k.Value != "" {
				list = append(list, k)
			}
		}
	}
	return list
}

// settingsOf lists the fields of a struct that are settings of a kind of provider.
func settingsOf(v reflect.Value, prefix, kind string) (list []Setting) {
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous { // a part of the settings
			list = append(list, settingsOf(v.Field(i), prefix, kind)...)
			continue
		}
		tag := v.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("env"), ",")
		if of := tag.Get("of"); name == "" || of != "" && !slices.Contains(strings.Fields(of), kind) {
			continue
		}
		list = append(list, Setting{prefix + name, v.Field(i).String(), tag.Get("secret") == "true",
			tag.Get("list") == "true", tag.Get("need") == "true" || tag.Get("need") == kind && kind != ""})
	}
	return list
}

// Differences names the settings that are not alike, but for those that a reload takes over.
func (s Settings) Differences(other Settings) (list []string) {
	theirs := map[string]string{}
	for _, k := range other.All() {
		theirs[k.Name] = k.Value
	}
	for _, k := range s.All() {
		if k.Value != theirs[k.Name] && k.Name != "GATEPOST_SMTP_URL" {
			list = append(list, k.Name)
		}
	}
	return list
}

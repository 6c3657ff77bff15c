package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/internal/breached"
	"github.com/gatepost/gatepost/proxy"
)

// openBreached opens the list of passwords that are known from breaches. There is none for an empty value.
func openBreached(value string) (breached.List, error) {
	const name = "GATEPOST_BREACHED_PASSWORDS"
	switch {
	case value == "":
		return nil, nil
	case value == "online":
		value = breached.OnlineURL
	case !strings.Contains(value, "://"):
		list, err := breached.Open(value)
		if err != nil {
			return nil, fmt.Errorf("%s is neither `online` nor an address, and no list can be read there: %w", name, err)
		}
		return list, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !proxy.IsLoopback(u.Hostname())) {
		return nil, errors.New(name + " is neither `online`, a file, a folder, nor an https address without user and query " +
			"(http is for this machine alone)")
	}
	return breached.NewService(u), nil
}

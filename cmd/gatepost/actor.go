package main

import (
	"fmt"
	"os"
	"os/user"
	"regexp"

	"github.com/gatepost/gatepost/internal/config"
)

// actor is who runs a command, for the audit log: the operating system's user, the machine, and the user whom sudo
// names. The system vouches for the first. What sudo names can be forged by whoever may become the first.
func (p *process) actor() string {
	who := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil && accountName.MatchString(u.Username) {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "(unknown machine)"
	}
	who += "@" + printable(host)
	if by := config.Lookup(p.env, "SUDO_USER"); accountName.MatchString(by) {
		who += " for " + by
	}
	return who
}

// accountName matches names of operating system users.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}\$?$`)

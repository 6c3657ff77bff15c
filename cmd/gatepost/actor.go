package main

import (
	"fmt"
	"os"
	"os/user"
	"regexp"

	"github.com/gatepost/gatepost/internal/config"
)

// actor is who runs a command, for the audit log: the user of the operating system and the machine, and of whom sudo
// says that it is them. The system vouches for the first; whoever may become that user could have sudo's word for
// anything.
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

// accountName is what users of operating systems are called.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}\$?$`)

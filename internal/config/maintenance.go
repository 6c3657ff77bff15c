package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/gatepost/gatepost/auth/session"
)

// Maintenance is when the site is closed, so that the app gets no requests. The zero value: never.
type Maintenance struct {
	// On is whether it is closed for as long as the gate runs.
	On bool
	// File closes it for as long as there is such a file. Empty: none.
	File string
	// Roles are of those who get to the app all the same. Empty: nobody does.
	Roles []string
}

// maxNotice is the most of the file that is shown, in bytes.
const maxNotice = 1 << 10

// Closed reports whether the site is closed now, and what the file tells visitors. An error says that this is not
// known, or, with closed, that the file cannot be read.
func (m Maintenance) Closed() (closed bool, notice string, err error) {
	if m.File == "" {
		return m.On, "", nil
	}
	info, err := os.Stat(m.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, "", nil
	case err != nil:
		return false, "", err
	case info.IsDir(): // as containers make one in the place of a file that is not there
		return false, "", fmt.Errorf("%s is a directory", m.File)
	case !info.Mode().IsRegular():
		return true, "", nil // reading a pipe could take for ever
	}
	notice, err = readNotice(m.File)
	if errors.Is(err, fs.ErrNotExist) { // it was taken away just now
		return false, "", nil
	}
	return true, notice, err
}

func readNotice(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxNotice))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), ""))), err
}

func (c *Config) checkMaintenance(list *Faults) {
	const name = "GATEPOST_MAINTENANCE"
	switch s := c.Settings.Maintenance; switchWord(s) {
	case "", "false":
	case "true":
		c.Maintenance.On = true
	default:
		if c.Maintenance.File = s; !filepath.IsAbs(s) {
			list.Add(fmt.Errorf("%s: %s is neither true nor false, nor the path of a file from / on (example: "+
				"/run/gatepost/maintenance)", name, Quote(s)))
		} else if info, err := os.Stat(s); err == nil && info.IsDir() {
			list.Add(fmt.Errorf("%s: %s is a directory, and has to be a file, which need not be there yet", name, Quote(s)))
		}
	}
	for role := range strings.SplitSeq(c.Settings.MaintenanceRoles, ",") {
		if role = strings.TrimSpace(role); role == "" {
			continue
		}
		if !session.ValidRole(role) {
			list.Add(fmt.Errorf("GATEPOST_MAINTENANCE_ROLES: %s cannot be a role", Quote(role)))
		}
		c.Maintenance.Roles = append(c.Maintenance.Roles, role)
	}
}

// maintenanceDoubts say that the site is closed, which is easily forgotten.
func (c *Config) maintenanceDoubts() []string {
	closed, _, err := c.Maintenance.Closed()
	switch {
	case err != nil:
		return []string{"GATEPOST_MAINTENANCE: the file cannot be looked at: " + err.Error()}
	case closed && c.Maintenance.File != "":
		return []string{"the site is closed for maintenance, as there is the file " + c.Maintenance.File + ": the app gets " +
			"no requests"}
	case closed:
		return []string{"the site is closed for maintenance, as GATEPOST_MAINTENANCE is true: the app gets no requests"}
	case c.Maintenance.File != "":
		if _, err := os.Stat(filepath.Dir(c.Maintenance.File)); err != nil {
			return []string{"GATEPOST_MAINTENANCE: the directory of the file is not there: " + err.Error()}
		}
	}
	return nil
}

package localpg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is the operating system user that the server runs as. PostgreSQL refuses to run as root.
type identity struct {
	name     string
	uid, gid uint32
	switched bool // this process is root, and the server runs as another user
}

func runAs(c Config) (identity, error) {
	if os.Getuid() != 0 {
		return currentUser()
	}
	names := []string{"postgres"}
	if c.Throwaway {
		names = append(names, "nobody")
	}
	for _, name := range names {
		if u, err := user.Lookup(name); err == nil {
			return newIdentity(u, true)
		}
	}
	return identity{}, errors.New("PostgreSQL refuses to run as root and there is no user named postgres to run it " +
		"as: create that user, run gatepost as an ordinary user, or set DATABASE_URL")
}

func currentUser() (identity, error) {
	uid := strconv.Itoa(os.Getuid())
	u, err := user.LookupId(uid)
	if err != nil {
		return identity{}, fmt.Errorf("PostgreSQL needs a user with a name, and user id %s has no entry in "+
			"/etc/passwd: run gatepost as a named user, or set DATABASE_URL", uid)
	}
	return newIdentity(u, false)
}

func newIdentity(u *user.User, switched bool) (identity, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return identity{}, fmt.Errorf("user id of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return identity{}, fmt.Errorf("group id of %s: %w", u.Username, err)
	}
	return identity{u.Username, uint32(uid), uint32(gid), switched}, nil
}

func (id identity) credential() *syscall.Credential {
	if !id.switched {
		return nil
	}
	return &syscall.Credential{Uid: id.uid, Gid: id.gid}
}

// own gives a file or directory to the server's user.
func (id identity) own(path string) error {
	if !id.switched {
		return nil
	}
	if err := os.Chown(path, int(id.uid), int(id.gid)); err != nil {
		return fmt.Errorf("hand %s to the user %s: %w", path, id.name, err)
	}
	return nil
}

// makeDir makes the directory, and makes sure that the server's user can reach it.
func (id identity) makeDir(dir string) error {
	mode := fs.FileMode(0o700)
	if id.switched {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if !id.switched {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		if err := id.mayEnter(d); err != nil {
			return err
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func (id identity) mayEnter(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&0o001 != 0 || st.Uid == id.uid && info.Mode()&0o100 != 0 {
		return nil
	}
	return fmt.Errorf("PostgreSQL will run as the user %s, who may not enter %s: choose another place with "+
		"GATEPOST_DATA_DIR, or allow it with: chmod o+x %s", id.name, dir, dir)
}

package migrations

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// file is one migration in plain SQL, with goose's annotations.
type file struct {
	version int64
	name    string
	sql     string
	// alone is whether its one statement cannot run in a transaction, as with a concurrent build of an index.
	alone bool
	// oldest is the version that a gate must know to run on the tables from then on; 0 for any gate.
	oldest int64
}

// title is the file's name without its extension.
func (f file) title() string { return fmt.Sprintf("%04d_%s", f.version, f.name) }

// Lines of a file that say something about it. The second one ends with a version.
const (
	noTransaction = "\n-- +goose NO TRANSACTION\n"
	oldestVersion = "\n-- gatepost: oldest "
)

var indexBuilt = regexp.MustCompile(`(?i)\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+` +
	`(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)"?\s+ON\b`)

// indexes are the names of the indexes that the file builds concurrently.
func (f file) indexes() []string {
	var names []string
	for _, found := range indexBuilt.FindAllStringSubmatch(f.sql, -1) {
		names = append(names, found[1])
	}
	return names
}

// read returns the files in order of version.
func (s Set) read() ([]file, error) {
	fsys := s.Files
	if fsys == nil {
		fsys = files
	}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	var list []file
	for _, name := range names {
		f, err := parse(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		if s.To == 0 || f.version <= s.To {
			list = append(list, f)
		}
	}
	return list, nil
}

func parse(fsys fs.FS, name string) (file, error) {
	number, title, _ := strings.Cut(strings.TrimSuffix(name, path.Ext(name)), "_")
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return file{}, err
	}
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return file{}, err
	}
	lines := "\n" + string(b)
	f := file{version: version, name: title, sql: lines[1:], alone: strings.Contains(lines, noTransaction)}
	if _, after, found := strings.Cut(lines, oldestVersion); found {
		number, _, _ := strings.Cut(after, "\n")
		f.oldest, err = strconv.ParseInt(number, 10, 64)
	}
	return f, err
}

// newest is the last version.
func newest(known []file) int64 {
	if len(known) == 0 {
		return 0
	}
	return known[len(known)-1].version
}

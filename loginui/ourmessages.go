package loginui

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"
)

//go:embed messages/*.json
var messageFiles embed.FS

// messages are those of one language.
type messages struct {
	name string                 // what the language calls itself
	read func() map[string]text // reads them the first time; the result is shared and must not be changed
}

// ourMessages returns the languages of messageFiles. Each is read when somebody first needs it: to read them all would
// be half of what a gate has to do at its start, and few sites are read in twenty languages.
var ourMessages = sync.OnceValues(func() (map[string]messages, error) {
	names, err := languageFiles(messageFiles)
	if err != nil {
		return nil, err
	}
	ours := map[string]messages{}
	for tag, name := range names {
		own, err := readName(messageFiles, name)
		if err != nil {
			return nil, err
		}
		ours[tag] = messages{own, sync.OnceValue(func() map[string]text { return mustRead(name) })}
	}
	return ours, nil
})

// mustRead reads a file that is part of the program. A test reads each of them, as they are and compressed.
func mustRead(name string) map[string]text {
	texts, err := readTexts(messageFiles, name, nil)
	if err != nil {
		panic(err)
	}
	return texts
}

// readName reads what a language calls itself, which stands first in each of our files.
func readName(files fs.FS, name string) (string, error) {
	r, err := openFile(files, name)
	if err != nil {
		return "", err
	}
	d := json.NewDecoder(r)
	var tokens [3]json.Token
	for i := range tokens {
		tokens[i], err = d.Token()
	}
	own, ok := tokens[2].(string)
	if err != nil || tokens[1] != "language.name" || !ok {
		return "", fmt.Errorf(`%s does not begin with "language.name": %v`, name, err)
	}
	return own, nil
}

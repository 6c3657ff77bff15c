package importer

import (
	"strings"
	"time"
)

// quote is a text in SQL, also where backslashes escape in plain quotes. A NUL, which PostgreSQL has in no text, is
// left out.
func quote(s string) string {
	return `E'` + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`, "\r", `\r`, "\x00", ``).Replace(s) + `'`
}

func orNull(s string) string {
	if s == "" {
		return "NULL"
	}
	return quote(s)
}

func at8601(t time.Time) string { return `'` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `'` }

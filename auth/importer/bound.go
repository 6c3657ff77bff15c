package importer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// bound empties a person who says more than anybody has to say, so that no source decides how much memory an import
// takes. They are refused.
func (p *Person) bound() {
	fault := ""
	for name, value := range map[string]string{"id": p.ID, "email": p.Email, "name": p.Name, "username": p.Username,
		"image":    p.Image,
		"password": p.Password} {
		if len(value) > cellMost {
			fault = fmt.Sprintf("has %d bytes or more in the field %s, where %d are the most", len(value), name, cellMost)
		}
	}
	if fault == "" && p.bytes() > personMost {
		fault = fmt.Sprintf("has %d bytes, where %d are the most", p.bytes(), personMost)
	}
	if fault != "" {
		*p = Person{Where: p.Where, ID: short(p.ID), Err: errors.New(fault), Sessions: p.Sessions,
			SecondFactor: p.SecondFactor, App: p.App, Passkeys: p.Passkeys, unsaid: p.unsaid}
	}
	if p.Err != nil && len(p.Err.Error()) > shortMost {
		p.Err = errors.New(short(p.Err.Error()))
	}
}

// bytes are about how much memory a person takes, but for their sessions.
func (p *Person) bytes() int {
	n := len(p.ID) + len(p.Email) + len(p.Name) + len(p.Username) + len(p.Image) + len(p.Password)
	for _, list := range [][]string{p.Roles, p.providers, p.Notes, p.UsernamesTaken} {
		for _, s := range list {
			n += len(s) + 16 // a string itself
		}
	}
	for subject := range p.unissued {
		n += len(subject) + 48
	}
	for _, k := range p.Passkeys {
		n += len(k.ID) + len(k.PublicKey) + len(k.Name) + 200
	}
	for _, i := range p.Identities {
		n += len(i.Issuer) + len(i.Provider) + len(i.Subject) + 72
	}
	return n
}

// shortMost bounds what a line of the report says of what is too long, in bytes.
const shortMost = 1 << 10

func short(s string) string {
	if len(s) <= shortMost {
		return s
	}
	end := shortMost
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

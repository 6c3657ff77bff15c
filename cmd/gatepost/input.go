package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/config"
)

// explainInput is the error for invalid input, in sentences that quote what was written. written has it by field, and
// never a password.
func explainInput(err error, written map[string]string) error {
	var input auth.InputError
	if !errors.As(err, &input) {
		return err
	}
	var list config.Faults
	for _, f := range input {
		list.Add(errors.New(explainField(f, written)))
	}
	return list
}

func explainField(f auth.FieldError, written map[string]string) string {
	value := ""
	if w, ok := written[f.Field]; ok {
		value = config.Quote(w)
	}
	said := fmt.Sprintf("the %s is %s", f.Field, strings.ReplaceAll(string(f.Problem), "_", " "))
	switch {
	case f.Field == "username" && f.Problem == auth.Taken:
		return "the username " + value + " is another user's, or was one's: it is not given again"
	case f.Field == "username" && f.Problem == auth.Malformed:
		return said + ": " + value + " has more in it than a-z, 0-9 and . _ -, or one of the latter first"
	case f.Problem == auth.Taken:
		return "there is a user with this e-mail address already: " + value +
			" (`gatepost user show` shows them, `gatepost user set-role` gives them roles)"
	case f.Field == "email" && f.Limit == 0:
		return said + ": " + value + " is not an address like ada@example.com"
	case f.Field == "name" && f.Problem == auth.Malformed:
		return said + ": " + value + " has characters that are not shown, as line ends are"
	case f.Field == "password" && f.Limit == 0:
		return said + ": choose another, or leave --password-stdin out for a random one"
	case f.Limit > 0:
		said += fmt.Sprintf(": the limit is %d characters", f.Limit)
	}
	return said
}

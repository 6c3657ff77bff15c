package provider

import (
	"errors"
	"strings"
)

// ErrUnavailable means that a provider is slow or down: waiting helps. Every *Error of the kind
// Unavailable is it.
var ErrUnavailable = errors.New("the provider is not available")

// Kind is what went wrong, as far as visitors and counters are concerned: each kind has one page.
type Kind int

// The kinds. The zero value is Failed, about which nothing is known.
const (
	// Failed: the provider answered with an error that no standard names.
	Failed Kind = iota
	// Unavailable: the provider is slow, down or overloaded. Waiting helps.
	Unavailable
	// Refused: the person, or the provider for them, said no. It is a normal outcome.
	Refused
	// Interaction: the provider wants the person to do something there. Starting again helps.
	Interaction
	// BadCode: the code, or a refresh token, was used, has run out, or belongs to another sign-in. Starting again
	// helps.
	BadCode
	// Misconfigured: the provider does not take our client, or is not where the operator says, or leads to where it
	// must not lead, or answers what is no answer. Only the operator can mend it.
	Misconfigured
	// Forged: what came is not from this provider, not for us, not for this sign-in, or not of now.
	Forged
	// NotFresh: the person did not prove themselves as recently as was asked for, or the provider does not say.
	NotFresh
	// NotAllowed: the operator does not let people of this domain, tenant, organisation or team in.
	NotAllowed
	// NoSubject: the provider did not say who it is in a form that can be kept.
	NoSubject
)

var words = [...]string{"failed", "unavailable", "refused", "interaction", "bad_code", "misconfigured", "forged",
	"not_fresh", "not_allowed", "no_subject"}

// Word is the kind in the audit log and in metrics.
func (k Kind) Word() string {
	if k < 0 || int(k) >= len(words) {
		return words[Failed]
	}
	return words[k]
}

func (k Kind) String() string { return k.Word() }

// Error is why a sign-in with a provider came to nothing. Its text is for the log and the audit line: bounded,
// printable ASCII, without secrets, and never for visitors.
type Error struct {
	Kind  Kind
	cause error
}

// causeMost is the most that is said of a cause.
const causeMost = 300

func (e *Error) Error() string { return e.Kind.Word() + ": " + e.Cause() }

// Cause says what was wrong, without the kind.
func (e *Error) Cause() string {
	if e.cause == nil {
		return "no cause given"
	}
	return clean(e.cause.Error(), causeMost)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes every error of the kind Unavailable ErrUnavailable.
func (e *Error) Is(target error) bool { return target == ErrUnavailable && e.Kind == Unavailable }

// fault makes an Error of a kind. What is known to be of another kind keeps it.
func fault(k Kind, cause error) *Error {
	if known, ok := errors.AsType[*Error](cause); ok {
		return known
	}
	if status, ok := errors.AsType[*statusError](cause); ok {
		k = status.kind()
	}
	if errors.As(cause, new(badAnswer)) {
		k = Misconfigured
	}
	return &Error{k, cause}
}

// badAnswer says what is wrong with an answer that came, and so is no outage. It quotes nothing of the answer.
type badAnswer string

func (e badAnswer) Error() string { return string(e) }

// errTooLong is the refusal of more than answerMost.
const errTooLong badAnswer = "the answer is longer than 1 MiB"

func faultf(k Kind, text string) *Error { return &Error{k, errors.New(text)} }

// clean makes text of a stranger fit for a line of a log.
func clean(s string, most int) string {
	printable := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), most)])
	if len(s) > most {
		return printable + "..."
	}
	return printable
}

// callbackWords are the values of the parameter error of RFC 6749 section 4.1.2.1 and OpenID Connect Core section
// 3.1.2.6, and those that a built-in provider made up.
var callbackWords = map[string]Kind{
	"access_denied":                     Refused,
	"user_cancelled_authorize":          Refused, // Apple
	"user_cancelled_login":              Refused,
	"login_required":                    Interaction,
	"interaction_required":              Interaction,
	"consent_required":                  Interaction,
	"account_selection_required":        Interaction,
	"unmet_authentication_requirements": NotFresh,
	"temporarily_unavailable":           Unavailable,
	"server_error":                      Unavailable,
	"invalid_request":                   Misconfigured,
	"invalid_client":                    Misconfigured,
	"unauthorized_client":               Misconfigured,
	"unsupported_response_type":         Misconfigured,
	"invalid_scope":                     Misconfigured,
	"invalid_request_uri":               Misconfigured,
	"invalid_request_object":            Misconfigured,
	"request_not_supported":             Misconfigured,
	"request_uri_not_supported":         Misconfigured,
	"registration_not_supported":        Misconfigured,
	"redirect_uri_mismatch":             Misconfigured, // GitHub
	"application_suspended":             Misconfigured, // GitHub
}

// wordMost is the most that is said of an error word of a provider.
const wordMost = 64

// FromCallback returns what the parameter error of a callback means. A word that no standard names is Failed.
func FromCallback(errorCode string) *Error {
	return faultf(callbackWords[errorCode], "the provider answered error="+clean(errorCode, wordMost))
}

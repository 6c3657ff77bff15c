package session_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// A passkey is one factor, or both; taking the second away leaves what came first.
func TestProofsByPasskeys(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0)
	pwd, key := session.Proved(session.Password), session.Proved(session.HardwareKey)
	alone := key.And(session.SoftwareKey, at)
	for name, c := range map[string]struct {
		proof session.Proof
		want  []session.Method
		level int
	}{
		"a passkey that told nothing": {key, []session.Method{"hwk"}, 1},
		"one that told who it is":     {alone, []session.Method{"swk", "mfa"}, 2},
		"a password and a passkey":    {pwd.And(session.HardwareKey, at), []session.Method{"pwd", "hwk", "mfa"}, 2},
		"a code in place of it": {pwd.And(session.HardwareKey, at).And(session.OTP, at),
			[]session.Method{"pwd", "otp"}, 2},
		"a passkey in place of a code": {pwd.And(session.OTP, at).And(session.SoftwareKey, at),
			[]session.Method{"pwd", "swk", "mfa"}, 2},
		"the second taken away":        {pwd.And(session.HardwareKey, at).First(), []session.Method{"pwd"}, 1},
		"of a passkey alone":           {alone.First(), []session.Method{"swk"}, 1},
		"a code after a passkey":       {key.And(session.OTP, at), []session.Method{"hwk", "otp"}, 2},
		"a password in such a session": {pwd.Keeping(alone), []session.Method{"pwd", "swk", "mfa"}, 2},
		"a password in one of level 1": {pwd.Keeping(key), []session.Method{"pwd"}, 1},
		"a code in such a session":     {alone.And(session.OTP, at), []session.Method{"swk", "otp"}, 2},
		"a password after a code":      {pwd.Keeping(pwd.And(session.OTP, at)), []session.Method{"pwd", "otp"}, 2},
	} {
		if !slices.Equal(c.proof.Methods, c.want) || c.proof.Level() != c.level {
			t.Errorf("%s: %v, level %d", name, c.proof.Methods, c.proof.Level())
		}
		if two := c.proof.Level() == 2; two == c.proof.SecondAt.IsZero() {
			t.Errorf("%s: the second at %v", name, c.proof.SecondAt)
		}
	}
}

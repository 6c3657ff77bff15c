package auth

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// A form is kept for KeptFor, and opens with the key of its browser alone.
func TestAKeptFormEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := secret.NewToken()
		form := keptForm{SentForm{"/notes", "a=1"}, "ada", time.Now().Add(KeptFor)}
		sealed, err := sealForm(form, key)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []secret.Token{"", secret.NewToken()} {
			if _, err := openForm(sealed, wrong); err == nil {
				t.Error("another key opens it")
			}
		}
		time.Sleep(KeptFor)
		if f, err := openForm(sealed, key); err != nil || f.SentForm != form.SentForm || f.UserID != "ada" {
			t.Errorf("at its end it is %v, %v", f, err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := openForm(sealed, key); !errors.Is(err, errKeptTooLong) {
			t.Errorf("after its end: %v", err)
		}
	})
}

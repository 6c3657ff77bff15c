package passkey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// The errors of answers.
var (
	// ErrMalformed means that an answer is none: whatever sent it is broken, or no browser.
	ErrMalformed = errors.New("this is no answer of an authenticator")
	// ErrWrong means that an answer does not prove what it is for: it was made for another site or challenge, or with
	// another key. The text says what is wrong, for the log.
	ErrWrong = errors.New("the answer proves nothing here")
)

// Key is a passkey as it is stored.
type Key struct {
	ID         []byte
	Handle     []byte // of its user; empty: any is taken, as nobody knows which it was made with
	PublicKey  []byte // COSE
	Count      uint32 // of signatures; an authenticator of 0 counts none
	Verified   bool   // it has told who the person is
	Eligible   bool   // it may be on several devices
	BackedUp   bool   // it is
	Transports []string
	AAGUID     string // the model of the authenticator, as it says itself; may be empty
}

// Use is what a right answer tells.
type Use struct {
	Verified bool // the authenticator has told who the person is, in this very answer
	BackedUp bool
	Count    uint32
	// Cloned says that the counter went back: there may be a copy of the key.
	Cloned bool
}

// The longest id and public key of a passkey, in bytes: the standard bounds the first, and a key of 8192 bits is within
// the second.
const (
	idMost  = 1023
	keyMost = 4096
)

// Valid fails if a passkey that another system has kept cannot be one: its id or its public key is none, or longer than
// those here, or the key is of another algorithm than browsers are asked for. It leaves out transports that browsers do
// not know.
func (k *Key) Valid() (err error) {
	defer func() {
		if v := recover(); v != nil { // of a parser
			err = errNoKey
		}
	}()
	if len(k.ID) == 0 || len(k.ID) > idMost || len(k.PublicKey) > keyMost {
		return errNoKey
	}
	k.Transports = slices.DeleteFunc(k.Transports, func(t string) bool { return !slices.Contains(transports, t) })
	parsed, err := webauthncose.ParsePublicKey(k.PublicKey)
	if err != nil {
		return errNoKey
	}
	var alg int64
	switch key := parsed.(type) {
	case webauthncose.EC2PublicKeyData:
		alg = key.Algorithm
	case webauthncose.RSAPublicKeyData:
		alg = key.Algorithm
	case webauthncose.OKPPublicKeyData:
		alg = key.Algorithm
	}
	if !slices.ContainsFunc(algorithms, func(a algorithm) bool { return int64(a.Alg) == alg }) {
		return errNoKey
	}
	return nil
}

// errNoKey is about what cannot be a passkey.
var errNoKey = errors.New("its id or its public key is none that a browser uses")

// Created is a new passkey, before it is checked.
type Created struct {
	parsed *protocol.ParsedCredentialCreationData
}

// ReadCreated reads the answer to Creation, as JSON. It fails with ErrMalformed.
func ReadCreated(body []byte) (c Created, err error) {
	defer malformed(&err)
	c.parsed, err = protocol.ParseCredentialCreationResponseBytes(body)
	return c, err
}

// malformed turns an error, and a panic of a parser, into ErrMalformed.
func malformed(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%w: %v", ErrMalformed, v)
	} else if *err != nil {
		*err = fmt.Errorf("%w: %s", ErrMalformed, told(*err))
	}
}

// wrong is malformed for what can be read.
func wrong(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%w: %v", ErrWrong, v)
	} else if *err != nil && !errors.Is(*err, ErrWrong) {
		*err = fmt.Errorf("%w: %s", ErrWrong, told(*err))
	}
}

// told is what an error of the library says to developers.
func told(err error) string {
	if p, ok := errors.AsType[*protocol.Error](err); ok && p.DevInfo != "" {
		return p.Details + ": " + p.DevInfo
	}
	return err.Error()
}

// Challenge is the one that the answer says it is for; nil: it says none.
func (c Created) Challenge() []byte {
	return challenge(c.parsed.Response.CollectedClientData.Challenge)
}

func challenge(written string) []byte {
	b, err := base64.RawURLEncoding.Strict().DecodeString(written)
	if err != nil {
		return nil
	}
	return b
}

// Check returns the passkey that was made for a user of the site, if the answer is to Creation with its challenge. It
// fails with ErrWrong.
func (s *Site) Check(rpID string, handle []byte, c Created) (k Key, err error) {
	defer wrong(&err)
	session := webauthn.SessionData{Challenge: c.parsed.Response.CollectedClientData.Challenge, RelyingPartyID: rpID,
		UserID: handle, UserVerification: protocol.VerificationPreferred}
	for _, a := range algorithms {
		session.CredParams = append(session.CredParams, protocol.CredentialParameter{
			Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(a.Alg)})
	}
	made, err := s.lib.CreateCredential(owner{handle: handle}, session, c.parsed)
	if err != nil {
		return Key{}, err
	}
	if len(made.ID) == 0 || len(made.ID) > idMost || len(made.PublicKey) > keyMost {
		return Key{}, fmt.Errorf("%w: an id of %d bytes and a key of %d", ErrWrong, len(made.ID), len(made.PublicKey))
	}
	k = Key{ID: made.ID, Handle: handle, PublicKey: made.PublicKey, Count: made.Authenticator.SignCount,
		Verified: made.Flags.UserVerified, Eligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState,
		AAGUID: aaguid(made.Authenticator.AAGUID)}
	for _, t := range made.Transport {
		if slices.Contains(transports, string(t)) && !slices.Contains(k.Transports, string(t)) {
			k.Transports = append(k.Transports, string(t))
		}
	}
	return k, nil
}

// transports are the ways to an authenticator that browsers know. Others are not told to them later.
var transports = []string{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}

// aaguid writes an AAGUID as a UUID. It is empty where the authenticator tells none.
func aaguid(b []byte) string {
	if len(b) != 16 || bytes.Equal(b, make([]byte, 16)) {
		return ""
	}
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// Asserted is a proof by a passkey, before it is checked.
type Asserted struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ReadAsserted reads the answer to Request, as JSON. It fails with ErrMalformed.
func ReadAsserted(body []byte) (a Asserted, err error) {
	defer malformed(&err)
	if a.parsed, err = protocol.ParseCredentialRequestResponseBytes(body); err == nil && len(a.parsed.RawID) > idMost {
		err = fmt.Errorf("an id of %d bytes", len(a.parsed.RawID))
	}
	return a, err
}

// Challenge is the one that the answer says it is for; nil: it says none.
func (a Asserted) Challenge() []byte {
	return challenge(a.parsed.Response.CollectedClientData.Challenge)
}

// ID is the id of the passkey that the answer says it is by.
func (a Asserted) ID() []byte { return a.parsed.RawID }

// Prove checks that an answer to Request with its challenge is by the passkey. alone says that no password came before:
// then the authenticator has to say whose the passkey is. It fails with ErrWrong.
func (s *Site) Prove(rpID string, k Key, a Asserted, alone bool) (u Use, err error) {
	defer wrong(&err)
	handle := k.Handle
	if len(handle) == 0 {
		handle = a.parsed.Response.UserHandle
	}
	if len(handle) == 0 {
		handle = []byte{0} // an authenticator that says none, of a passkey that knows none
	} else if alone && len(a.parsed.Response.UserHandle) == 0 {
		return Use{}, fmt.Errorf("%w: it names no user", ErrWrong)
	}
	stored := webauthn.Credential{ID: k.ID, PublicKey: k.PublicKey, AttestationType: "none", AttestationFormat: "none",
		Flags:         webauthn.CredentialFlags{BackupEligible: k.Eligible, BackupState: k.BackedUp},
		Authenticator: webauthn.Authenticator{SignCount: k.Count}}
	used, err := s.lib.ValidateLogin(owner{handle, stored}, webauthn.SessionData{
		Challenge: a.parsed.Response.CollectedClientData.Challenge, RelyingPartyID: rpID, UserID: handle,
		AllowedCredentialIDs: [][]byte{k.ID}, UserVerification: protocol.VerificationPreferred}, a.parsed)
	if err != nil {
		return Use{}, err
	}
	flags := a.parsed.Response.AuthenticatorData.Flags
	return Use{Verified: flags.HasUserVerified(), BackedUp: flags.HasBackupState(),
		Count: used.Authenticator.SignCount, Cloned: used.Authenticator.CloneWarning}, nil
}

// owner is the user of a ceremony, as the library wants one.
type owner struct {
	handle []byte
	key    webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return "" }
func (o owner) WebAuthnDisplayName() string                { return "" }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return []webauthn.Credential{o.key} }

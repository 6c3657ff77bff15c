// Package passkeytest plays a browser with an authenticator. Tests only.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Authenticator has one passkey, once it has made one. Its fields may be changed, to lie.
type Authenticator struct {
	Origin   string // of the page that the browser is at
	RPID     string // empty: what the options say
	ID       []byte // of the passkey
	Handle   []byte // of its user; nil: it tells none
	Count    uint32 // of signatures; each adds one, but to 0
	Unsure   bool   // it does not know who the person is
	Framed   bool   // the page is in a frame of another site
	Eligible bool   // the passkey may be on several devices
	BackedUp bool   // it is
	Type     string // of the ceremony; empty: the right one
	Key      *ecdsa.PrivateKey
}

// New is an authenticator in a browser at a page of an origin, as https://app.example.com.
func New(origin string) *Authenticator { return &Authenticator{Origin: origin} }

type options struct {
	Challenge string                `json:"challenge"`
	RPID      string                `json:"rpId"`
	RP        struct{ ID string }   `json:"rp"`
	User      struct{ ID string }   `json:"user"`
	Allow     []struct{ ID string } `json:"allowCredentials"`
}

func read(t testing.TB, b []byte) (o options) {
	t.Helper()
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatalf("options: %v: %s", err, b)
	}
	return o
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (a *Authenticator) clientData(kind, challenge string) []byte {
	if a.Type != "" {
		kind = a.Type
	}
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.Framed})
	return b
}

// data is the authenticator data, without what a new passkey adds.
func (a *Authenticator) data(rpID string, made bool) []byte {
	if a.RPID != "" {
		rpID = a.RPID
	}
	flags := byte(1)
	for bit, set := range map[byte]bool{4: !a.Unsure, 8: a.Eligible, 16: a.BackedUp, 64: made} {
		if set {
			flags |= bit
		}
	}
	if a.Count > 0 {
		a.Count++
	}
	sum := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.Count)
}

// Create makes a passkey as the options say, and returns the browser's answer.
func (a *Authenticator) Create(t testing.TB, asked []byte) []byte {
	t.Helper()
	o := read(t, asked)
	var err error
	if a.Key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if a.ID == nil {
		a.ID = make([]byte, 32)
		_, _ = rand.Read(a.ID)
	}
	if a.Handle, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		t.Fatal(err)
	}
	data := append(a.data(o.RP.ID, true), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.ID))), a.ID...)
	data = append(data, a.cose(t)...)
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData\x59"...)
	object = append(binary.BigEndian.AppendUint16(object, uint16(len(data))), data...)
	return a.answer(map[string]any{"clientDataJSON": encode(a.clientData("webauthn.create", o.Challenge)),
		"attestationObject": encode(object), "transports": []string{"internal"}})
}

// cose is the public key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
func (a *Authenticator) cose(t testing.TB) []byte {
	t.Helper()
	point, err := a.Key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	key := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33]...)
	return append(append(key, 0x22, 0x58, 32), point[33:]...)
}

// Get proves the passkey as the options say, and returns the browser's answer.
func (a *Authenticator) Get(t testing.TB, asked []byte) []byte {
	t.Helper()
	o := read(t, asked)
	data, client := a.data(o.RPID, false), a.clientData("webauthn.get", o.Challenge)
	said := sha256.Sum256(client)
	sum := sha256.Sum256(append(data[:len(data):len(data)], said[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.Key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	response := map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data),
		"signature": encode(signature)}
	if a.Handle != nil {
		response["userHandle"] = encode(a.Handle)
	}
	return a.answer(response)
}

func (a *Authenticator) answer(response map[string]any) []byte {
	b, _ := json.Marshal(map[string]any{"id": encode(a.ID), "rawId": encode(a.ID), "type": "public-key",
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response})
	return b
}

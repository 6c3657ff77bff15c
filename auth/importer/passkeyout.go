package importer

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/passkey"
)

// ExportedPasskey is a passkey, which has no secret. Bytes are base64url without padding.
type ExportedPasskey struct {
	Domain       string        `json:"domain"` // that it works at and below: no other site can use it
	CredentialID passkey.Bytes `json:"credential_id"`
	PublicKey    passkey.Bytes `json:"public_key"`            // COSE
	UserHandle   passkey.Bytes `json:"user_handle,omitempty"` // that its authenticator knows the user by; empty: unknown
	Name         string        `json:"name"`
	SignCount    uint32        `json:"sign_count"`
	UserVerified bool          `json:"user_verified"` // it has told who the person is
	MultiDevice  bool          `json:"multi_device"`  // it may be on several devices
	BackedUp     bool          `json:"backed_up"`     // it is
	Transports   []string      `json:"transports,omitempty"`
	AAGUID       string        `json:"aaguid,omitempty"` // the model of its authenticator
	CreatedAt    time.Time     `json:"created_at,omitzero"`
}

// passkey is the passkey as an import takes it.
func (e ExportedPasskey) passkey() Passkey {
	return Passkey{Domain: e.Domain, Name: e.Name, Created: e.CreatedAt, Key: passkey.Key{ID: e.CredentialID,
		Handle: e.UserHandle, PublicKey: e.PublicKey, Count: e.SignCount, Verified: e.UserVerified, Eligible: e.MultiDevice,
		BackedUp: e.MultiDevice && e.BackedUp, Transports: e.Transports, AAGUID: e.AAGUID}}
}

func exportPasskeys(ctx context.Context, tx pgx.Tx, ids []string, byID map[string]*Exported) error {
	rows, err := tx.Query(ctx, `
		SELECT user_id, rp_id, credential_id, public_key, handle, name, least(greatest(sign_count, 0), 4294967295),
		    verified, backup_eligible, backed_up, transports, aaguid, `+database.Readable(`created_at`)+`
		FROM gatepost.passkey WHERE user_id = ANY ($1) ORDER BY user_id, created_at, id`, ids)
	if err != nil {
		return err
	}
	var user, transports string
	var id, key, handle []byte
	var e ExportedPasskey
	row := []any{&user, &e.Domain, &id, &key, &handle, &e.Name, &e.SignCount, &e.UserVerified, &e.MultiDevice,
		&e.BackedUp, &transports, &e.AAGUID, &e.CreatedAt}
	_, err = pgx.ForEachRow(rows, row, func() error {
		e.CredentialID, e.PublicKey, e.UserHandle = id, key, handle
		e.Transports, e.CreatedAt = splitRoles(transports), e.CreatedAt.UTC()
		byID[user].Passkeys = append(byID[user].Passkeys, e)
		id, key, handle = nil, nil, nil
		return nil
	})
	return err
}

// betterAuthPasskeys are the passkeys of a user as statements. They work there if the rpID of the plugin passkey is
// their domain.
func betterAuthPasskeys(e Exported) (sql string) {
	for _, k := range e.Passkeys {
		device := "singleDevice"
		if k.MultiDevice {
			device = "multiDevice"
		}
		id, _ := k.CredentialID.MarshalText() // it cannot fail
		sql += fmt.Sprintf("INSERT INTO gatepost_passkey VALUES (%s, %s, %s, %s, %s, %d, %s, %t, %s, %s, %s);\n",
			quote(digest(e.ID, string(id))), quote(k.Name), quote(base64.StdEncoding.EncodeToString(k.PublicKey)), quote(e.ID),
			quote(string(id)), k.SignCount, quote(device), k.BackedUp, quote(strings.Join(k.Transports, ",")),
			orNull(k.AAGUID), at8601(k.CreatedAt))
	}
	return sql
}

package importer

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// passkeys adds the passkeys. Better Auth keeps neither the domain that they are for nor what their authenticators know
// the user by.
func (b BetterAuth) passkeys(ctx context.Context, r *reader, people byID) error {
	t := r.tables["passkey"]
	if t == nil {
		return nil
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+t.text("k", "userId")+`, `+t.cell("k", "credentialID")+`, `+t.cell("k", "publicKey")+`,
		    `+t.cell("k", "name")+`, `+t.cell("k", "counter")+`, `+t.cell("k", "deviceType")+`,
		    `+t.truth("k", "backedUp")+`, `+t.cell("k", "transports")+`, `+t.cell("k", "aaguid")+`,
		    `+t.moment("k", "createdAt")+`
		FROM `+t.name+` k WHERE k.`+t.columns["userId"]+`::text = ANY ($1)
		ORDER BY 1, `+t.moment("k", "createdAt")+`, 2`, people.ids())
	if err != nil {
		return err
	}
	var user, id, key, name, count, device, backedUp, transports, aaguid string
	var created *time.Time
	row := []any{&user, &id, &key, &name, &count, &device, &backedUp, &transports, &aaguid, &created}
	_, err = pgx.ForEachRow(rows, row, func() error {
		k := Passkey{Domain: b.PasskeyDomain, Name: name, Created: orZero(created)}
		k.ID, k.PublicKey, k.AAGUID = fromBase64(id), fromBase64(key), aaguid
		k.Count = readCount(count)
		k.Eligible = device == "multiDevice"
		k.BackedUp = k.Eligible && t.says(people[user], "backedUp", backedUp)
		k.Transports = splitRoles(transports)
		people[user].takePasskey(k)
		return nil
	})
	return err
}

// fromBase64 reads base64 of either alphabet; nil: it is none.
func fromBase64(text string) []byte {
	plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawURLEncoding.DecodeString(plain)
	if err != nil {
		return nil
	}
	return b
}

// readCount reads how many signatures an authenticator has made. One that cannot be is as if it counted none.
func readCount(text string) uint32 {
	var n float64
	if _, err := fmt.Sscan(text, &n); err != nil || n < 0 || n > math.MaxUint32 {
		return 0
	}
	return uint32(n)
}

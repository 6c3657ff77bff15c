-- +goose Up

-- The keys that sign what GATEPOST_ASSERTION_HEADER tells the app, sealed, and made by the gates. Of those that have begun
-- to sign, the latest does. Whoever deletes a row revokes the key: no gate signs with it or publishes it any more.
CREATE TABLE gatepost.assertion_key (
    id          text        PRIMARY KEY, -- the thumbprint of the public key (RFC 7638)
    private     bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(), -- it is published since then
    active_from timestamptz NOT NULL                -- it signs from then on
);

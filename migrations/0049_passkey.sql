-- +goose Up

-- The passkeys of users (Web Authentication, level 3): public keys, and no secret.
CREATE TABLE gatepost.passkey (
    id              text        PRIMARY KEY,
    user_id         text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    rp_id           text        NOT NULL, -- the domain that it was made for, and works below
    credential_id   bytea       NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    handle          bytea,                -- of the user as its authenticator knows them; null: any is taken
    public_key      bytea       NOT NULL CHECK (octet_length(public_key) <= 4096), -- COSE
    name            text        NOT NULL DEFAULT '',
    sign_count      bigint      NOT NULL DEFAULT 0,     -- of the authenticator; one of 0 counts nothing
    verified        boolean     NOT NULL DEFAULT false, -- it has told who the person is: it can sign in alone
    backup_eligible boolean     NOT NULL DEFAULT false, -- it may be on several devices
    backed_up       boolean     NOT NULL DEFAULT false, -- it is
    transports      text        NOT NULL DEFAULT '',    -- comma-separated
    aaguid          text        NOT NULL DEFAULT '',    -- the model of the authenticator, as it says itself
    cloned_at       timestamptz,                        -- when its counter last went back; null: never
    created_at      timestamptz NOT NULL DEFAULT now(),
    used_at         timestamptz
);
CREATE INDEX passkey_user_id ON gatepost.passkey (user_id, created_at);
CREATE INDEX passkey_rp_id ON gatepost.passkey (rp_id);

-- +goose Up

-- What authenticators know a user by: random, so that it tells nothing of them, and the same for all of their passkeys.
CREATE TABLE gatepost.passkey_user (
    user_id text  PRIMARY KEY REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    handle  bytea NOT NULL UNIQUE CHECK (octet_length(handle) BETWEEN 16 AND 64)
);

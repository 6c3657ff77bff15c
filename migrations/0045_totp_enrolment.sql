-- +goose Up

-- A key that is shown to a user, and is no factor before a code of it was typed in the same session.
CREATE TABLE gatepost.totp_pending (
    user_id    text        PRIMARY KEY REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    session_id text        NOT NULL,
    secret     bytea       NOT NULL CHECK (octet_length(secret) <= 512), -- sealed
    expires_at timestamptz NOT NULL                                      -- the sweep forgets it then
);
CREATE INDEX totp_pending_expires_at ON gatepost.totp_pending (expires_at);

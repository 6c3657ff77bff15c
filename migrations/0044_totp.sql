-- +goose Up

-- The key that a user's authenticator app has too (RFC 6238). A row is a factor that is asked for.
CREATE TABLE gatepost.totp (
    user_id    text        PRIMARY KEY REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    secret     bytea       NOT NULL CHECK (octet_length(secret) <= 512), -- sealed (internal/seal)
    last_step  bigint      NOT NULL,           -- the period of the last code that was accepted: none is accepted twice
    failures   integer     NOT NULL DEFAULT 0, -- wrong codes in a row, from any place
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now()
);

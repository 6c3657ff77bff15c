-- +goose Up

-- A challenge that an authenticator is to sign: once, within minutes, in one browser, for one purpose.
CREATE TABLE gatepost.passkey_challenge (
    id         text        PRIMARY KEY, -- the hash of the challenge
    browser    text        NOT NULL,    -- the hash of a key that the browser has
    purpose    text        NOT NULL,    -- what the answer is for
    rp_id      text        NOT NULL,
    user_id    text        REFERENCES gatepost."user" (id) ON DELETE CASCADE, -- null: whoever answers
    session_id text,                    -- the session that asked; null: none
    step       text,                    -- the hash of the challenge of half a sign-in; null: none
    network    text        NOT NULL,
    wide       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_challenge_network ON gatepost.passkey_challenge (network, created_at);
CREATE INDEX passkey_challenge_wide ON gatepost.passkey_challenge (wide, created_at);
CREATE INDEX passkey_challenge_user_id ON gatepost.passkey_challenge (user_id);
CREATE INDEX passkey_challenge_expires_at ON gatepost.passkey_challenge (expires_at);

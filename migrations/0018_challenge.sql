-- +goose Up

-- Half a sign-in: somebody was proved to be a user, and more is asked of them before there is a session. It is no session, so that a
-- gate that does not know of it takes it for none.
CREATE TABLE gatepost.challenge (
    id         text        PRIMARY KEY,
    token      text        NOT NULL UNIQUE, -- SHA-256
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    kind       text        NOT NULL,        -- what is asked for
    methods    text        NOT NULL,        -- as of a session: what was proved already
    proved_at  timestamptz NOT NULL,
    browser    bytea       NOT NULL,        -- SHA-256 of the browser's cookie, as in familiar: it is good there alone
    remember   boolean     NOT NULL,
    payload    bytea CHECK (octet_length(payload) <= 65536), -- sealed (internal/seal)
    attempts   int         NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL         -- the sweep forgets it then
);
CREATE INDEX challenge_user_id ON gatepost.challenge (user_id);
CREATE INDEX challenge_expires_at ON gatepost.challenge (expires_at);

-- +goose Up

-- Browsers in which a user need not do the second step of a sign-in (GATEPOST_TRUST_BROWSER).
CREATE TABLE gatepost.trusted_browser (
    id         text        PRIMARY KEY,
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    token      bytea       NOT NULL,            -- SHA-256 of the token in the browser's cookie
    user_agent text        NOT NULL DEFAULT '', -- that was used when it was trusted
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now(), -- when a sign-in last needed no second step
    UNIQUE (token, user_id)
);
CREATE INDEX trusted_browser_user_id ON gatepost.trusted_browser (user_id);
CREATE INDEX trusted_browser_expires_at ON gatepost.trusted_browser (expires_at);

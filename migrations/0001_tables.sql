-- +goose Up

-- The four tables of the original design. Ids are text so that imported users keep theirs.

CREATE TABLE gatepost."user" (
    id             text PRIMARY KEY,
    name           text        NOT NULL DEFAULT '',
    email          text        NOT NULL UNIQUE CHECK (email = lower(email)),
    email_verified boolean     NOT NULL DEFAULT false,
    image          text,
    role           text        NOT NULL DEFAULT 'user', -- comma-separated
    disabled_at    timestamptz,                         -- set: no sign-in, and every session is refused
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gatepost.session (
    id           text PRIMARY KEY,
    token        text        NOT NULL UNIQUE, -- hex SHA-256 of the cookie value, never the value
    user_id      text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL,        -- moves with use, up to created_at + the session lifetime
    last_used_at timestamptz NOT NULL DEFAULT now(),
    idle_seconds integer     NOT NULL,        -- ends when unused for so long
    ip_address   text,
    user_agent   text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_user_id ON gatepost.session (user_id);
CREATE INDEX session_expires_at ON gatepost.session (expires_at);

CREATE TABLE gatepost.account (
    id                       text PRIMARY KEY,
    issuer                   text        NOT NULL,
    provider_id              text        NOT NULL, -- 'credential': the account that holds the password
    account_id               text        NOT NULL,
    user_id                  text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    access_token             text,
    refresh_token            text,
    id_token                 text,
    access_token_expires_at  timestamptz,
    refresh_token_expires_at timestamptz,
    scope                    text,
    password                 text,                 -- PHC string
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, account_id)
);
CREATE INDEX account_user_id ON gatepost.account (user_id);

CREATE TABLE gatepost.verification (
    id         text PRIMARY KEY,
    identifier text        NOT NULL,
    value      text        NOT NULL, -- hash of the code or token, never the value
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verification_identifier ON gatepost.verification (identifier);
CREATE INDEX verification_expires_at ON gatepost.verification (expires_at);

-- +goose Up

-- Tokens with which the app may call a provider in a person's name. They are kept only if the operator wants it, and sealed.
CREATE TABLE gatepost.provider_token (
    account_id text        PRIMARY KEY REFERENCES gatepost.account (id) ON DELETE CASCADE,
    access     bytea       NOT NULL,
    refresh    bytea,                       -- null: the provider gave none
    expires_at timestamptz,                 -- of access; null: never, or unknown
    refresh_at timestamptz,                 -- when to renew it; null: never
    failures   integer     NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provider_token_refresh_at ON gatepost.provider_token (refresh_at) WHERE refresh_at IS NOT NULL;

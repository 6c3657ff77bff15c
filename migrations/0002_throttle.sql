-- +goose Up

-- Attempts at signing in and up, one row for each account or network that has made some lately. Keys are SHA-256, so
-- the table does not list what strangers typed.

CREATE TABLE gatepost.throttle (
    key        bytea PRIMARY KEY,
    failures   integer     NOT NULL,  -- in a row
    blocked_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL   -- the sweep forgets the row then
);
CREATE INDEX throttle_expires_at ON gatepost.throttle (expires_at);

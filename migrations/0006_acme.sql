-- +goose Up

-- Certificates that were had by ACME, with their keys, and the key of the account: whoever reads this table can pretend to be the
-- site.
CREATE TABLE gatepost.acme (
    name       text PRIMARY KEY,
    content    bytea       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Up

-- The keys with which something here was encrypted (internal/seal). A gate that lacks one does not start.
CREATE TABLE gatepost.encryption_key (
    id    text        PRIMARY KEY, -- it tells nothing of the key
    since timestamptz NOT NULL DEFAULT now()
);

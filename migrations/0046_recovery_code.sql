-- +goose Up

-- What is left of a user's recovery codes. Those of a set have one salt, so that a typed code is hashed once.
CREATE TABLE gatepost.recovery_code (
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    hash       text        NOT NULL, -- as of a password
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, hash)
);

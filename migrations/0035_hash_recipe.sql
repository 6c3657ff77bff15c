-- +goose Up

-- What the hashes cost that came from other systems: for each kind and cost a hash with filler in place of salt and digest. A gate makes
-- the time of a refused sign-in longer than the slowest of them takes.
CREATE TABLE gatepost.hash_recipe (
    recipe     text        PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- +goose Up

-- The key that signs the proofs of work of GATEPOST_CHALLENGE=altcha, made by the gate that needs it first. Whoever has
-- it can sign up, have mail sent and try passwords without the work, as far as the throttles let them, and nothing else.
CREATE TABLE gatepost.puzzle_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), -- there is one row
    key bytea NOT NULL
);

-- +goose Up

-- Where somebody has signed in before. There the right password goes on working while strangers guess.

CREATE TABLE gatepost.familiar (
    user_id    text        NOT NULL REFERENCES gatepost."user" (id) ON DELETE CASCADE,
    place      bytea       NOT NULL,           -- SHA-256 of a browser's cookie, or of a network
    failures   integer     NOT NULL DEFAULT 0, -- wrong passwords from there in a row
    expires_at timestamptz NOT NULL,           -- the sweep forgets the place then
    PRIMARY KEY (user_id, place)
);
CREATE INDEX familiar_place ON gatepost.familiar (place);
CREATE INDEX familiar_expires_at ON gatepost.familiar (expires_at);

-- Wrong passwords in a row, from anywhere. At 100 only a familiar place still gets in.
ALTER TABLE gatepost.account ADD COLUMN failed_attempts integer NOT NULL DEFAULT 0;

-- Rows of accounts that exist, and rows of names that strangers made up: only the latter are bounded in number.
ALTER TABLE gatepost.throttle
    ADD COLUMN user_id text,
    ADD COLUMN bogus   boolean NOT NULL DEFAULT false;
CREATE INDEX throttle_user_id ON gatepost.throttle (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX throttle_bogus ON gatepost.throttle (expires_at) WHERE bogus;

-- What goes into a header of each request has to have an end. Rows from before keep their length.
ALTER TABLE gatepost."user"
    ADD CONSTRAINT user_id_length CHECK (char_length(id) <= 255) NOT VALID,
    ADD CONSTRAINT user_email_length CHECK (char_length(email) <= 254) NOT VALID,
    ADD CONSTRAINT user_role_length CHECK (char_length(role) <= 1000) NOT VALID;

-- +goose Up

-- What a decision was made in and about, besides whose account it was: the session that did it or was made by it, what it was done to,
-- as another session or a role, and what is to be known of it, at most 4 KiB. Null: nothing of that kind. Never a secret.
ALTER TABLE gatepost.audit_event
    ADD COLUMN session_id text,
    ADD COLUMN target     text,
    ADD COLUMN details    jsonb;

-- +goose Up

-- Who did it where it was no visitor, as the command found out from the system, and what was done: the roles before and after, who was
-- invited. Null: a visitor, or nothing more to say. Never a secret.
ALTER TABLE gatepost.audit_event
    ADD COLUMN actor text,
    ADD COLUMN detail text;

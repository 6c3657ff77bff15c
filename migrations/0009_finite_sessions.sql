-- +goose Up

-- What is left of a session is counted down, which an endless one has no number for.
UPDATE gatepost.session SET created_at = least(created_at, now()), last_used_at = least(last_used_at, now()), expires_at = least(expires_at, now() + interval '1 year')
    WHERE 'infinity' IN (created_at, last_used_at, expires_at);
ALTER TABLE gatepost.session ADD CONSTRAINT session_ends CHECK (isfinite(created_at) AND isfinite(last_used_at) AND isfinite(expires_at)) NOT VALID;

-- Revocations are told also by sessions of PostgreSQL that act as a replica does (session_replication_role), where other triggers
-- do not run.
ALTER TABLE gatepost.session ENABLE ALWAYS TRIGGER session_gone;
ALTER TABLE gatepost.session ENABLE ALWAYS TRIGGER session_cut;
ALTER TABLE gatepost.session ENABLE ALWAYS TRIGGER session_emptied;
ALTER TABLE gatepost."user" ENABLE ALWAYS TRIGGER user_changed;
ALTER TABLE gatepost.account ENABLE ALWAYS TRIGGER password_changed;

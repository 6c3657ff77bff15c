-- +goose NO TRANSACTION
-- +goose Up

-- Each look-up asks for it, and few sessions have one.
CREATE INDEX CONCURRENTLY IF NOT EXISTS session_last_token ON gatepost.session (last_token) WHERE last_token IS NOT NULL;

-- +goose NO TRANSACTION
-- +goose Up

-- Bans that are over are looked for all the time, and are few.
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_disabled_until ON gatepost."user" (disabled_until) WHERE disabled_until IS NOT NULL;

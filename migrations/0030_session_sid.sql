-- +goose NO TRANSACTION
-- +goose Up

-- A provider ends sessions by its own name for them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS session_provider_sid ON gatepost.session (provider_sid) WHERE provider_sid IS NOT NULL;

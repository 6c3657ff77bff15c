-- +goose NO TRANSACTION
-- +goose Up

-- One row with a password for each user: see the file before.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS account_credential ON gatepost.account (user_id) WHERE provider_id = 'credential';

-- +goose NO TRANSACTION
-- +goose Up

CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS user_username_key ON gatepost."user" (username);

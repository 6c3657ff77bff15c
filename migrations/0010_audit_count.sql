-- +goose Up
-- What happens over and over is one row: how often stands in it, and the rest is of the first time.
ALTER TABLE gatepost.audit_event ADD COLUMN count bigint NOT NULL DEFAULT 1;

-- +goose Up

-- A row that somebody writes by hand, with the columns of the original design, has no idle limit of its own: the one in the settings counts,
-- and the row's own expiry.
ALTER TABLE gatepost.session ALTER COLUMN idle_seconds SET DEFAULT 2147483647;

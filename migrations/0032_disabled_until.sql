-- +goose Up

-- A ban that ends by itself. Null: it does not, or there is none.
ALTER TABLE gatepost."user" ADD COLUMN disabled_until timestamptz;

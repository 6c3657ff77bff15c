-- +goose Up

-- A user from before addresses had to be there can be disabled, too. Until they have one they stay so.
ALTER TABLE gatepost."user"
    DROP CONSTRAINT user_id_present,
    DROP CONSTRAINT user_email_present,
    ADD CONSTRAINT user_id_present CHECK (id <> '' OR disabled_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT user_email_present CHECK (email <> '' OR disabled_at IS NOT NULL) NOT VALID;

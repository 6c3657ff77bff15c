-- +goose Up

-- What the session that follows a challenge comes from, as in the table session: when the provider's account or session ends, so does
-- the half sign-in that it led to.
ALTER TABLE gatepost.challenge
    ADD COLUMN account_id   text,
    ADD COLUMN provider_sid text,
    ADD COLUMN since        timestamptz; -- when the session began that it goes on with; null: it begins then

-- +goose Up

-- An id from before ids had an end may be longer than a notification can be.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION gatepost.tell(users text[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('gatepost', CASE WHEN octet_length(about) < 8000 THEN about ELSE '*' END)
    FROM unnest(CASE WHEN cardinality(users) > 100 THEN ARRAY['*'] ELSE users END) AS about
$$;
-- +goose StatementEnd

-- An empty id or address names nobody: an app that gets one takes it for nobody, or for everybody. Rows from before keep what they have,
-- and their sessions are not valid.
ALTER TABLE gatepost."user"
    ADD CONSTRAINT user_id_present CHECK (id <> '') NOT VALID,
    ADD CONSTRAINT user_email_present CHECK (email <> '') NOT VALID;
